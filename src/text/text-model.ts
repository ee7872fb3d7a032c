/** A model's text side: conversations to token ids with gate position. Synchronous; one a thread. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmormError } from '../errors.js'
import { seeded } from '../random.js'
import type { Segment } from './added-tokens.js'
import { ChatTemplate, specialToken, templateSource, type TokenizerConfig } from './chat-template.js'
import type { Conversation, Message, TokenizedConversation, Truncation } from './conversation.js'
import { type Rendering, renderParts } from './rendering.js'
import { checkMessages, wellFormed } from './rules.js'
import { type Hiding, StandIns } from './stand-ins.js'
import { TextTokenizer } from './text-tokenizer.js'
import { checkRange, encodeIds, findGate, type Positions, type TokenLimits, truncate } from './token-ids.js'

/** What a model remembers in all, in bytes: words, stretches of text that prompts have in common, renderings. */
const MEMORY_BYTES = 24 * 1024 * 1024

/** Conversations that are tokenized before the first comes, and words of each of their two messages: half a millisecond's. */
const REHEARSALS = 150
const REHEARSED_WORDS = 20

export class TextModel {
  readonly #tokenizer: TextTokenizer
  readonly #template: ChatTemplate | null
  readonly #limits: TokenLimits
  /** Id of the token with which the model's family starts every text, or null. */
  readonly bosId: number | null

  private constructor(
    tokenizer: TextTokenizer,
    template: ChatTemplate | null,
    config: TokenizerConfig,
    limits: TokenLimits
  ) {
    this.#tokenizer = tokenizer
    this.#template = template
    this.#limits = limits
    const bos = familyBos(tokenizer, template, config)
    this.bosId = bos === null ? null : tokenizer.idOf(bos)
  }

  /**
   * Reads tokenizer.json and, where there are any, tokenizer_config.json and chat_template.jinja.
   * @param memoryBytes what is remembered of earlier texts, to save work; results do not depend on it.
   * @throws ArmormError bundle_missing (no tokenizer.json), bundle_invalid (not readable as what it should be).
   */
  static async load(folder: string, limits: TokenLimits, memoryBytes = MEMORY_BYTES): Promise<TextModel> {
    const [tokenizerText, configText, templateFile] = await Promise.all(
      ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'].map((name) => readIfThere(folder, name))
    )
    if (tokenizerText == null) throw new ArmormError('bundle_missing', 'tokenizer.json is missing')
    const config = configText == null ? {} : (parse('tokenizer_config.json', configText) as TokenizerConfig)
    const source = templateSource(templateFile ?? null, config)
    const template = source === null ? null : new ChatTemplate(source, config, memoryBytes / 3)
    const json = parse('tokenizer.json', tokenizerText)
    let tokenizer
    try {
      tokenizer = new TextTokenizer(json, config, (memoryBytes * 2) / 3)
    } catch (cause) {
      throw new ArmormError('bundle_invalid', `tokenizer.json is not supported: ${String(cause)}`, {}, cause)
    }
    return new TextModel(tokenizer, template, config, limits)
  }

  /**
   * Makes the first texts fast, a little at each step: learns the vocabulary's own words ({@link TextTokenizer.learnWords}),
   * then tokenizes conversations made of them, until what does it is compiled. Results do not depend on it.
   */
  *warmUp(): Generator<undefined, void> {
    const words = yield* this.#tokenizer.learnWords()
    if (words.length === 0) return
    const uniform = seeded(1)
    const madeUp = () =>
      Array.from({ length: REHEARSED_WORDS }, () => words[Math.floor(uniform() * words.length)]).join('')
    for (let i = 0; i < REHEARSALS; i++) {
      try {
        const [question, answer] = [madeUp(), madeUp()]
        this.#encodeMessages([
          { role: 'user', content: question },
          { role: 'assistant', content: answer }
        ])
      } catch {
        // Whoever sends a conversation to a model without a template, or with one that wants other messages, is told.
        return
      }
      yield
    }
  }

  /**
   * Tokenizes a conversation.
   *
   * `messages`: rendered by the chat template, ids equal to Python's `apply_chat_template`, except that special tokens
   * spelled in contents stay plain text. The ids end with the first special token after the answer; what the template
   * prints after it is dropped. Where the template prints none, they end with the last token that is not white space.
   * The gate is the token in which the text between the previous message's content and the answer begins (one that
   * holds the end of that content too, where the two merge), but never one that holds part of the answer.
   * `promptTokens` is the index of the first token that holds part of the answer: where the answer's first newline
   * merges with the header's, that token counts as the answer's.
   *
   * `text`: special tokens count; a family's BOS is put first if it is missing and kept once if it is repeated; white
   * space after a final special token is dropped; gate by `findGate`. `ids`: see `encodeIds`. Both carry no promise
   * against forging: whoever writes them decides where the prompt ends.
   *
   * @throws ArmormError invalid_conversation, template_failed (the template refuses, or there is none), too_long,
   *   text_too_large (the text overruns the tokenizer's stack), invalid_token_ids, no_gate.
   */
  encode(conversation: Conversation, truncation: Truncation): TokenizedConversation {
    if (conversation.kind === 'ids') return encodeIds(conversation.ids, this.#limits, truncation, this.bosId)
    try {
      const positions =
        conversation.kind === 'text' ? this.#encodeText(conversation.text) : this.#encodeMessages(conversation.messages)
      checkRange(positions.ids, this.#limits.vocabSize)
      return truncate(positions, this.#limits.maxTokens, truncation, this.bosId)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new ArmormError('text_too_large', 'the text is too large for the tokenizer', {}, cause)
    }
  }

  /**
   * Ids of the text between a prompt and an answer, as tokenized in place; null without a chat template, or where they
   * depend on the contents around them.
   */
  deriveGatePattern(): number[] | null {
    const patternAround = (prompt: string, answer: string) => {
      const { ids, gateIndex, promptTokens } = this.#encodeMessages([
        { role: 'user', content: prompt },
        { role: 'assistant', content: answer }
      ])
      return ids.slice(gateIndex, promptTokens)
    }
    try {
      const pattern = patternAround('What is it?', 'It is this.')
      const other = patternAround('word', '1')
      const stable = pattern.length > 0 && pattern.join() === other.join()
      return stable ? pattern : null
    } catch (error) {
      if (error instanceof ArmormError && error.code === 'template_failed') return null
      throw error
    }
  }

  /** Ids of the special tokens with which the chat template and the family mark turns and the beginning, in order. */
  structureTokens(): number[] {
    const user: Message = { role: 'user', content: 'word' }
    const answer: Message = { role: 'assistant', content: 'word' }
    const found = new Set<number>(this.bosId === null ? [] : [this.bosId])
    for (const messages of [
      [{ role: 'system', content: 'word' }, user, answer, user, answer],
      [user, answer, user, answer]
    ]) {
      try {
        for (const id of this.#encodeMessages(messages).ids) if (this.#tokenizer.specialIds.has(id)) found.add(id)
      } catch (error) {
        // Some templates know no system message; without a template there are no turns.
        if (!(error instanceof ArmormError && error.code === 'template_failed')) throw error
      }
    }
    return [...found].sort((a, b) => a - b)
  }

  #encodeMessages(unchecked: readonly Message[]): Positions {
    const messages = checkMessages(unchecked)
    const template = this.#template
    if (template === null) {
      throw new ArmormError('template_failed', 'the model has no chat template; send `text` or `input_ids`')
    }
    const contents = messages.map(({ content }) => content)
    const standIns = new StandIns(this.#tokenizer.special, [template.source, ...contents])
    const hidden = (hiding: Hiding) =>
      messages.map(({ role, content }) => ({ role, content: standIns.hide(content, hiding) }))
    let rendering = renderParts(template, hidden('light'))
    // A template that takes pieces out of a content could join what is left to a special token; then no character that
    // starts one is shown to it.
    if (contents.some((content) => this.#tokenizer.special.nextCandidate(content, 0) >= 0)) {
      const thorough = template.render(hidden('thorough'))
      if (this.#specialsOf(thorough) !== this.#specialsOf(rendering.text)) {
        rendering = renderParts(template, hidden('thorough'))
      }
    }
    return this.#encodeRendering(rendering, standIns)
  }

  #specialsOf(text: string): string {
    return this.#tokenizer.written
      .split(text)
      .flatMap(({ token }) => (token?.special ? [token.id] : []))
      .join()
  }

  #encodeRendering({ text, gateAt, answerAt, tailAt }: Rendering, standIns: StandIns): Positions {
    const segments = closedAt(this.#tokenizer.written.split(text), text, tailAt)
    const ids: number[] = []
    const marks = [gateAt, answerAt].map((at) => ({ at, index: -1 }))
    for (const segment of segments) {
      const { token, start, end } = segment
      const from = ids.length
      // What the answer writes is hardly sent again; what stands before it is the prompt that other answers share.
      this.#tokenizer.encodeSegment(segment, text, ids, end <= answerAt, standIns.restore(text.slice(start, end)))
      for (const mark of marks) {
        if (mark.index >= 0 || mark.at >= end) continue
        const before = token || mark.at <= start ? '' : standIns.restore(text.slice(start, mark.at))
        mark.index = from + commonLength(ids, from, this.#tokenizer.encodeOrdinary(before, start === 0))
      }
    }
    const [gate = ids.length, promptTokens = ids.length] = marks.map(({ index }) => (index < 0 ? ids.length : index))
    return { ids, gateIndex: Math.max(0, Math.min(gate, promptTokens - 1)), promptTokens }
  }

  #encodeText(given: string): Positions {
    const text = wellFormed(given)
    const segments = this.#tokenizer.written.split(text)
    const [final, closing] = [segments.at(-1), segments.at(-2)]
    if (final && !final.token && closing?.token?.special && text.slice(final.start).trim() === '') segments.pop()
    const ids: number[] = []
    const answer = segments.findLast(({ token }) => token === null)
    for (const segment of segments) this.#tokenizer.encodeSegment(segment, text, ids, segment !== answer)
    if (this.bosId !== null) {
      const body = ids.findIndex((id) => id !== this.bosId)
      ids.splice(0, body < 0 ? ids.length : body, this.bosId)
    }
    return { ids, ...findGate(ids, this.#limits.gatePattern) }
  }
}

/** The segments up to and with the token that closes the answer. */
function closedAt(segments: readonly Segment[], text: string, tailAt: number): Segment[] {
  const inTail = ({ token, end }: Segment) => token !== null && end > tailAt
  const special = segments.findIndex((segment) => inTail(segment) && segment.token?.special)
  const closing = special >= 0 ? special : segments.findIndex(inTail)
  if (closing >= 0) return segments.slice(0, closing + 1)
  const end = tailAt + text.slice(tailAt).trimEnd().length
  return segments.flatMap((segment) => (segment.start < end ? [{ ...segment, end: Math.min(segment.end, end) }] : []))
}

/** How many of `others` the entries of `ids` from `from` on begin with. */
function commonLength(ids: readonly number[], from: number, others: readonly number[]): number {
  let n = 0
  while (n < others.length && ids[from + n] === others[n]) n++
  return n
}

/** The token with which the family starts a text: the post-processor's, or bos_token where it is put first. */
function familyBos(tokenizer: TextTokenizer, template: ChatTemplate | null, config: TokenizerConfig): string | null {
  if (tokenizer.firstTokenOfPostProcessor !== null) return tokenizer.firstTokenOfPostProcessor
  const bos = specialToken(config, 'bos_token')
  if (bos === null || config.add_bos_token === true) return bos
  try {
    const rendered = template?.render([
      { role: 'user', content: '' },
      { role: 'assistant', content: '' }
    ])
    return rendered?.startsWith(bos) ? bos : null
  } catch {
    return null // A template that refuses the plainest conversation tells nothing.
  }
}

async function readIfThere(folder: string, name: string): Promise<string | null> {
  try {
    return await readFile(join(folder, name), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new ArmormError('bundle_invalid', `${name} cannot be read`, {}, error)
  }
}

function parse(name: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch (cause) {
    throw new ArmormError('bundle_invalid', `${name} is not valid JSON`, {}, cause)
  }
  throw new ArmormError('bundle_invalid', `${name} is not a JSON object`)
}
