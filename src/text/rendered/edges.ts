/** What padding and tokenizers leave at the two ends of a decoded text. Every scan here looks at a character once. */

/**
 * Padding, end and beginning tokens of common tokenizers. None of them opens a turn: `<|im_start|>`, a beginning token
 * for SmolLM2's tokenizer, is left out for that.
 */
export const EDGE_TOKENS: readonly string[] = [
  // Padding.
  '<pad>',
  '[PAD]',
  '<|pad|>',
  '<|PAD|>',
  '<unk>',
  '<|finetune_right_pad_id|>',
  '<|finetune_right_pad|>',
  '<|reserved_special_token_0|>',
  '<|vision_pad|>',
  '<|dummy_85|>',
  '<|placeholder6|>',
  '<｜▁pad▁｜>',
  // End of a turn or a text.
  '</s>',
  '<eos>',
  '[EOS]',
  '<|im_end|>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|end|>',
  '<|EOT|>',
  '<end_of_turn>',
  '<｜end▁of▁sentence｜>',
  // Beginning of a text.
  '<s>',
  '<bos>',
  '[BOS]',
  '<|begin_of_text|>',
  '<|startoftext|>',
  '<｜begin▁of▁sentence｜>'
]

/** ASCII white space: what templates write, and what decoding adds or removes. */
export function isSpace(unit: number): boolean {
  return unit === 32 || (unit >= 9 && unit <= 13)
}

/** Index of the first character at or after `at` that is no white space. */
export function skipSpace(text: string, at: number): number {
  while (at < text.length && isSpace(text.charCodeAt(at))) at++
  return at
}

/** Index behind the last character before `end` that is no white space. */
export function skipSpaceBack(text: string, end: number): number {
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--
  return end
}

/** Index behind the run of edge tokens with which the text starts; white space between them belongs to the run. */
export function startOf(text: string): number {
  let start = 0
  for (;;) {
    const at = skipSpace(text, start)
    const token = EDGE_TOKENS.find((edge) => text.startsWith(edge, at))
    if (token === undefined) return start
    start = at + token.length
  }
}

/** Index before the run of edge tokens with which the text ends. White space before the run is not part of it. */
export function endOf(text: string): number {
  let end = text.length
  for (;;) {
    const at = skipSpaceBack(text, end)
    const token = EDGE_TOKENS.find((edge) => text.endsWith(edge, at))
    if (token === undefined) return end
    end = at - token.length
  }
}
