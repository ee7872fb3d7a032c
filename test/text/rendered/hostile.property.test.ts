/** Any string gives a conversation or a named error in linear time, and a response never rewrites what it answers. */
import { deepStrictEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../../src/errors.js'
import { EDGE_TOKENS, endOf } from '../../../src/text/rendered/edges.js'
import { FAMILIES, type ReadConversation, type ReadOptions } from '../../../src/text/rendered/index.js'
import { ROLES } from '../../../src/text/rules.js'
import { KEEP, parse, RENDERINGS } from './support.js'

const MARKUP = [
  ...EDGE_TOKENS,
  ...['user', 'assistant', 'system', 'tool', 'oops'].flatMap((role) => [
    `<|im_start|>${role}\n`,
    `<|im_start|>${role}<|im_sep|>`,
    `<|start_header_id|>${role}<|end_header_id|>\n\n`,
    `<start_of_turn>${role}\n`,
    `<|${role}|>\n`
  ]),
  ...['[INST]', '[/INST]', ' [INST] ', '[SYSTEM_PROMPT]', '[/SYSTEM_PROMPT]', '[TOOL_RESULTS]', '[/TOOL_RESULTS]'],
  ...['<<SYS>>\n', '\n<</SYS>>\n\n', '<｜User｜>', '<｜Assistant｜>', '\n\nUser: ', '\n\nAssistant: ', '\nAssistant:'],
  ...['Cutting Knowledge Date: ', '\nToday Date: ', '<think>', '</think>', '<think>\n\n</think>\n\n'],
  ...['<', '<|', '<|im_', 'start|>', '|>', '\n', '\n\n', ' ', '\ud800', '\udc00', '\ufeff', '\u0000']
]
const hostile = fc
  .array(fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...MARKUP) }, fc.string({ unit: 'binary', maxLength: 6 })), {
    maxLength: 14
  })
  .map((parts) => parts.join(''))
const options: fc.Arbitrary<ReadOptions> = fc.record({
  family: fc.constantFrom('auto' as const, ...FAMILIES),
  thinking: fc.constantFrom('keep' as const, 'drop' as const)
})
const templated = fc.constantFrom(...RENDERINGS.map(({ prompt }) => prompt))
const prompts = fc.oneof(
  hostile,
  templated,
  fc.tuple(templated, hostile).map(([prompt, end]) => prompt + end),
  fc.constant('')
)

/** What was parsed, null for a named error; anything else fails the test. */
function attempt(text: string, prompt: string | undefined, chosen: ReadOptions): ReadConversation | null {
  try {
    return parse(text, prompt, chosen)
  } catch (error) {
    if (error instanceof ArmormError && error.code === 'unparsable_text') return null
    throw error
  }
}

t.test('total', async () => {
  const prompt = fc.option(prompts, { nil: undefined })
  const text = fc.oneof(
    hostile,
    fc.tuple(prompts, hostile).map(([start, end]) => start + end)
  )
  fc.assert(
    fc.property(prompt, text, options, (given, query, chosen) => {
      const parsed = attempt(query, given, chosen)
      if (parsed === null) return
      const { messages } = parsed
      equal(messages.at(-1)?.role, 'assistant')
      ok(messages.slice(0, -1).some(({ role }) => role === 'user'))
      for (const { role } of messages) ok((ROLES as readonly string[]).includes(role))
      deepStrictEqual(attempt(query, given, chosen), parsed, 'the same twice')
    }),
    { numRuns: 1500 }
  )
})

t.test('whatever the response holds, the messages before it stay, and it comes through', async () => {
  fc.assert(
    fc.property(prompts, hostile, options, (prompt, response, chosen) => {
      const plain = attempt(`${prompt}ANSWER`, prompt, chosen)
      if (plain?.how !== 'prompt') return
      const parsed = attempt(prompt + response, prompt, chosen)
      equal(parsed?.how, 'prompt')
      equal(parsed?.family, plain.family)
      deepStrictEqual(parsed?.messages.slice(0, -1), plain.messages.slice(0, -1))
      if (chosen.thinking === 'drop') return
      // What the prompt put into the answer, then the response but for padding at its end. Templates that write a
      // space or newlines between prompt and answer, or before the end token, take those as theirs.
      const begun = plain.messages.at(-1)?.content.slice(0, -'ANSWER'.length) ?? ''
      const written = response.slice(0, endOf(response))
      const content = parsed?.messages.at(-1)?.content ?? ''
      ok(content.startsWith(begun))
      const rest = content.slice(begun.length)
      const [before = '?', after = '?'] = rest === '' ? [written, ''] : written.split(rest, 1).concat(written)
      if (rest === written) return
      ok(['', ' ', '\n', '\n\n'].includes(before) && (after === written || after === ''), 'one gap at most')
      ok(written.length - rest.length <= 3)
    }),
    { numRuns: 1500 }
  )
})

t.test('exactly the response, in templates that write nothing around it', async () => {
  const exact = RENDERINGS.filter(({ template }) =>
    /chatml|qwen|llama3|gemma|zephyr|phi3|phi4$|deepseek-v3/.test(template)
  )
  ok(exact.length >= 10)
  fc.assert(
    fc.property(fc.constantFrom(...exact), hostile, ({ prompt, messages, family }, response) => {
      deepStrictEqual(parse(prompt + response, prompt), {
        messages: [...messages.slice(0, -1), { role: 'assistant', content: response.slice(0, endOf(response)) }],
        family,
        how: 'prompt'
      })
    }),
    { numRuns: 1000 }
  )
})

t.test('padding on either side changes nothing', async () => {
  const run = fc.array(fc.constantFrom(...EDGE_TOKENS), { maxLength: 5 }).map((pads) => pads.join(''))
  fc.assert(
    fc.property(templated, hostile, run, run, run, (prompt, response, before, other, behind) => {
      const plain = parse(`${prompt}${response}<|im_end|>`, prompt)
      deepStrictEqual(parse(`${before}${prompt}${response}<|im_end|>${behind}`, other + prompt), plain)
    }),
    { numRuns: 1000 }
  )
})

// What took quadratic time would take minutes here: each text has a megabyte or more.
t.test('a megabyte of what is hard', async (t) => {
  const MEGABYTE = 1 << 20
  const prompt = '<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n'
  const units = [
    '<',
    '<|im_',
    '[',
    ' ',
    '\n',
    '\n\n',
    '\ud800',
    ' <',
    '<|im_start|>',
    '<|im_start|>user\n',
    '<|im_start|>user\n \n',
    '<|im_start|>assistant\n<think>',
    '[INST] ',
    '[INST] <<SYS>>\n',
    '[/INST] ',
    '<｜User｜>',
    '<｜begin▁of▁sentence｜>\n\nUser:',
    'User:\n',
    '<|user|>\n',
    '</s>\n<|user|>\n',
    '<think>',
    '</think>\n',
    '</s>',
    '<pad> ',
    '<|endoftext|>\n'
  ]
  for (const unit of units) {
    const long = unit.repeat(Math.ceil(MEGABYTE / unit.length))
    for (const text of [long, `x${long}x`]) attempt(text, undefined, KEEP)
    attempt(long, `${long}y`, { ...KEEP, thinking: 'drop' })
    const content = long.slice(0, endOf(long))
    t.equal(parse(prompt + long, prompt).messages.at(-1)?.content, content, JSON.stringify(unit))
    t.equal(content === '', EDGE_TOKENS.includes(unit.trim()) && unit.trim() !== '', 'padding alone leaves nothing')
  }
})

t.test('tens of thousands of pads', async (t) => {
  for (const pad of [
    '<|endoftext|>',
    '<pad>',
    '</s>',
    '<|eot_id|>',
    '<|finetune_right_pad_id|>',
    '<|im_end|>',
    '[PAD]'
  ]) {
    const pads = pad.repeat(30_000)
    for (const { text, prompt, messages, template } of RENDERINGS) {
      if (template !== 'llama3') continue
      t.strictSame(parse(pads + text + pads, prompt).messages, messages, pad)
      t.strictSame(parse(pads + text + pads).messages, messages, pad)
    }
  }
})
