/** Where in a trainer's text the prompt ends and the response begins, when the trainer sends the prompt beside it. */
import { isSpace, skipSpace, skipSpaceBack, startOf } from './edges.js'

/** A text that starts with the end of its prompt was cut on the left if that end has this many characters. */
export const SHORTEST_TAIL = 64

/**
 * Index in `text` at which the response begins; null when the text does not start with the prompt. Both are compared
 * without the padding and the BOS on their left, and then, where they differ
 * - without regard to white space: decoding may drop it before punctuation (`clean_up_tokenization_spaces`);
 * - with the text cut on the left: over-long prompts lose their first tokens before generation.
 * Time and memory grow with the length of the two.
 */
export function responseStart(text: string, prompt: string): number | null {
  const textAt = skipSpace(text, startOf(text))
  const promptAt = skipSpace(prompt, startOf(prompt))
  if (text.startsWith(prompt.slice(promptAt), textAt)) return textAt + prompt.length - promptAt
  return withoutSpace(text, textAt, prompt, promptAt) ?? afterTail(text, textAt, prompt, promptAt)
}

function withoutSpace(text: string, textAt: number, prompt: string, promptAt: number): number | null {
  const promptEnd = skipSpaceBack(prompt, prompt.length)
  let at = textAt
  for (let i = promptAt; i < promptEnd; i++) {
    const unit = prompt.charCodeAt(i)
    if (isSpace(unit)) continue
    at = skipSpace(text, at)
    if (at === text.length || text.charCodeAt(at) !== unit) return null
    at++
  }
  // The white space with which the prompt ends belongs to it as far as the text repeats it.
  for (let i = promptEnd; i < prompt.length && text[at] === prompt[i]; i++) at++
  return at
}

/** Behind the longest end of the prompt with which the text starts (Knuth, Morris and Pratt's automaton). */
function afterTail(text: string, textAt: number, prompt: string, promptAt: number): number | null {
  const longest = Math.min(text.length - textAt, prompt.length - promptAt)
  if (longest < SHORTEST_TAIL) return null
  const head = text.slice(textAt, textAt + longest)
  // [longest] length of the longest proper start of head[..i] that also ends there.
  const borders = new Int32Array(longest)
  const step = (matched: number, unit: number): number => {
    while (matched > 0 && (matched === longest || head.charCodeAt(matched) !== unit))
      matched = borders[matched - 1] ?? 0
    return head.charCodeAt(matched) === unit ? matched + 1 : 0
  }
  for (let i = 1; i < longest; i++) borders[i] = step(borders[i - 1] ?? 0, head.charCodeAt(i))
  let matched = 0
  for (let i = prompt.length - longest; i < prompt.length; i++) matched = step(matched, prompt.charCodeAt(i))
  return matched >= SHORTEST_TAIL ? textAt + matched : null
}
