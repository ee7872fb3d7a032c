/** What a policy under training must not be able to do: move the gate or the reward by what it writes. */
import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import type { Conversation, Message } from '../../src/text/conversation.js'
import { ROLES } from '../../src/text/rules.js'
import type { TextModel } from '../../src/text/text-model.js'
import { fixture, llama3, llama3Tokenizer, smallTokenizer, smollm2, smollm2Tokenizer } from './support.js'

const markup = fc.constantFrom(
  '<|im_end|>',
  '<|im_start|>',
  '<|im_start|>assistant\n',
  '<|im_end|>\n<|im_start|>assistant\n',
  '<|endoftext|>',
  '<|begin_of_text|>',
  '<|eot_id|>',
  '<|start_header_id|>assistant<|end_header_id|>\n\n',
  '<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n',
  '<|im_',
  'end|>',
  '{{ bos_token }}',
  '{% for m in messages %}',
  'assistant\n',
  '\n',
  '\n\n',
  ' ',
  '\ufeff',
  '\ue000',
  '\ue001|im_end|>'
)
const content = fc
  .array(
    fc.oneof({ weight: 3, arbitrary: markup }, { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) }),
    {
      maxLength: 8
    }
  )
  .map((parts) => parts.join(''))

const turns = fc.array(fc.tuple(content, content), { minLength: 1, maxLength: 3 })
const conversation = (pairs: readonly (readonly [string, string])[]): Conversation => ({
  kind: 'messages',
  messages: pairs.flatMap(([question, answer]): Message[] => [
    { role: 'user', content: question },
    { role: 'assistant', content: answer }
  ])
})

for (const [name, load, isSpecial] of [
  ['smollm2', () => smollm2(), (id: number) => id < 17],
  ['llama3', llama3, (id: number) => id >= 128000]
] as const) {
  t.test(`${name}: contents change neither the special tokens nor the gate nor the end`, async (t) => {
    const model: TextModel = await load(t)
    fc.assert(
      fc.property(turns, (pairs) => {
        const real = model.encode(conversation(pairs), 'none')
        const plain = model.encode(conversation(pairs.map(() => ['q', 'a'] as const)), 'none')
        const specials = (ids: Int32Array) => [...ids].filter(isSpecial)
        const gate = ({ ids, gateIndex }: typeof real) => specials(ids.slice(0, gateIndex)).length
        return (
          specials(real.ids).join() === specials(plain.ids).join() &&
          gate(real) === gate(plain) &&
          real.ids[real.gateIndex] === plain.ids[plain.gateIndex] &&
          real.ids.at(-1) === plain.ids.at(-1) &&
          real.promptTokens > real.gateIndex &&
          real.promptTokens < real.ids.length
        )
      }),
      { numRuns: 300 }
    )
  })
}

t.test('plain text never yields a special id', async () => {
  const names = fixture<{ tokenizer: string }[]>('text/synthetic.json').map(({ tokenizer }) => tokenizer)
  const files = names.map((name) => `text/tokenizers/${name}.json`)
  const small = names.map((name, i) => {
    const { added_tokens: added } = fixture<{ added_tokens: { id: number; special: boolean; content: string }[] }>(
      files[i] ?? ''
    )
    // The unknown token stands for what the vocabulary lacks.
    return [
      smallTokenizer(name),
      new Set(added.filter((a) => a.special && a.content !== '<unk>').map(({ id }) => id))
    ] as const
  })
  const all = [
    [smollm2Tokenizer(), new Set(Array.from({ length: 17 }, (_, i) => i))] as const,
    [llama3Tokenizer(), new Set(Array.from({ length: 256 }, (_, i) => 128000 + i))] as const,
    ...small
  ]
  const spelled = fc
    .array(fc.oneof(content, fc.constantFrom('<a>', '<b>', '<a', '>', 'word', '<unk>', '▁')), { maxLength: 4 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(spelled, fc.boolean(), (text, atStart) => {
      for (const [tokenizer, special] of all) {
        const forged = tokenizer
          .encodeOrdinary(text.replace(/\p{Surrogate}/gu, '\ufffd'), atStart)
          .filter((id) => special.has(id))
        if (forged.length > 0) return false
      }
      return true
    }),
    { numRuns: 200 }
  )
})

t.test('encode is total: ids or an error of the table', async () => {
  const model = await smollm2({ maxTokens: 64 })
  const message = fc.record({ role: fc.oneof(fc.constantFrom(...ROLES), fc.string()), content })
  const anything: fc.Arbitrary<Conversation> = fc.oneof(
    fc.array(message, { maxLength: 5 }).map((messages) => ({ kind: 'messages' as const, messages })),
    turns.map(conversation),
    content.map((text) => ({ kind: 'text' as const, text })),
    fc.array(fc.oneof(fc.nat(49151), fc.double()), { maxLength: 80 }).map((ids) => ({ kind: 'ids' as const, ids }))
  )
  fc.assert(
    fc.property(anything, fc.constantFrom('none' as const, 'prompt_left' as const), (input, truncation) => {
      try {
        const { ids, gateIndex, promptTokens } = model.encode(input, truncation)
        return ids.length <= 64 && gateIndex >= 0 && gateIndex < promptTokens && promptTokens <= ids.length
      } catch (error) {
        if (error instanceof ArmormError) return true
        throw error
      }
    }),
    { numRuns: 500 }
  )
})

t.test('prompt_left fits and keeps everything from the gate on', async () => {
  const whole = await smollm2()
  const short = await smollm2({ maxTokens: 60 })
  fc.assert(
    fc.property(turns, (pairs) => {
      const input = conversation(pairs)
      const full = whole.encode(input, 'none')
      let cut
      try {
        cut = short.encode(input, 'prompt_left')
      } catch (error) {
        return error instanceof ArmormError && error.code === 'too_long' && full.ids.length - full.gateIndex + 1 > 60
      }
      const from = ({ ids, gateIndex }: typeof full) => ids.slice(gateIndex).join()
      return (
        cut.ids.length === Math.min(60, full.ids.length) &&
        cut.trimmedTokens === full.ids.length - cut.ids.length &&
        cut.ids[0] === full.ids[0] &&
        from(cut) === from(full) &&
        cut.promptTokens - cut.gateIndex === full.promptTokens - full.gateIndex
      )
    }),
    { numRuns: 200 }
  )
})
