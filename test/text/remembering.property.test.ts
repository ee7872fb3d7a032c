/** What a model remembers saves work and changes nothing. */
import fc from 'fast-check'
import t from 'tap'
import { ArmormError } from '../../src/errors.js'
import { ChatTemplate } from '../../src/text/chat-template.js'
import type { Conversation, Message } from '../../src/text/conversation.js'
import { renderParts } from '../../src/text/rendering.js'
import { TextModel } from '../../src/text/text-model.js'
import { finish, fixture, llama3, readTokenizer, SMOLLM2_FOLDER, SMOLLM2_LIMITS, FIXTURES } from './support.js'

const piece = fc.oneof(
  fc.constantFrom(
    '<|im_end|>',
    '<|im_start|>',
    '<|eot_id|>',
    '<a>',
    ' <b> ',
    '\n',
    '\n\n',
    ' ',
    '  ',
    '\ufeff',
    '\u0085'
  ),
  fc.constantFrom(
    'the',
    ' the',
    'The',
    ' internationalisation',
    "'s",
    '123',
    '½',
    '한국어',
    '👩‍👩‍👧',
    'placeholder',
    '\ue000'
  ),
  fc.string({ unit: 'binary', maxLength: 6 })
)
const content = fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join(''))
// Few prompts and many answers, so that much comes again.
const conversation = fc.oneof(
  fc
    .tuple(fc.oneof(fc.constantFrom('q', 'Why?', '<|im_end|> x'), content), content)
    .map(([question, answer]): Conversation => ({
      kind: 'messages',
      messages: [
        { role: 'user', content: question },
        { role: 'assistant', content: answer }
      ]
    })),
  content.map((text): Conversation => ({ kind: 'text', text })),
  content.map((text): Conversation => ({
    kind: 'text',
    text: `<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n${text}<|im_end|>`
  }))
)

function result(model: TextModel, input: Conversation): unknown {
  try {
    return model.encode(input, 'none')
  } catch (error) {
    if (error instanceof ArmormError) return error.toData()
    throw error
  }
}

t.test(
  'a model that remembers, one that has warmed up, one that forgets soon and one that remembers nothing agree',
  async (t) => {
    const [usual, warm, forgetful, none] = await Promise.all([
      TextModel.load(SMOLLM2_FOLDER, SMOLLM2_LIMITS),
      TextModel.load(SMOLLM2_FOLDER, SMOLLM2_LIMITS),
      TextModel.load(SMOLLM2_FOLDER, SMOLLM2_LIMITS, 6000),
      TextModel.load(SMOLLM2_FOLDER, SMOLLM2_LIMITS, 0)
    ])
    finish(warm.warmUp())
    fc.assert(
      fc.property(conversation, (input) => {
        const expected = result(none, input)
        for (const model of [usual, usual, warm, forgetful, forgetful]) t.strictSame(result(model, input), expected)
      }),
      { numRuns: 300 }
    )
  }
)

t.test('results are the caller’s own: changing one changes no later one', async (t) => {
  const model = await llama3(t)
  const input: Conversation = {
    kind: 'messages',
    messages: [
      { role: 'user', content: 'Why is the sky blue?' },
      { role: 'assistant', content: 'Because of scattering.' }
    ]
  }
  const first = model.encode(input, 'none')
  const expected = [...first.ids]
  first.ids.fill(0)
  t.strictSame([...model.encode(input, 'none').ids], expected)
})

t.test('tokenizers of every kind: stretches that come again have the same ids', async (t) => {
  for (const { tokenizer: name } of fixture<{ tokenizer: string }[]>('text/synthetic.json')) {
    const file = `${FIXTURES}text/tokenizers/${name}.json`
    const [none, warm] = [readTokenizer(file, 0), readTokenizer(file)]
    fc.assert(
      fc.property(fc.constantFrom('', '<a>', 'w'), content, (before, text) => {
        const whole = before + text.replace(/\p{Surrogate}/gu, '\ufffd')
        const segment = { token: null, start: before.length, end: whole.length }
        const ids = (tokenizer: typeof warm, shared: boolean) => {
          const into: number[] = []
          tokenizer.encodeSegment(segment, whole, into, shared)
          return into
        }
        const expected = ids(none, false)
        for (const shared of [true, true, false]) t.strictSame(ids(warm, shared), expected, name)
      }),
      { numRuns: 40 }
    )
  }
})

const TEMPLATES = {
  chatml: "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}",
  trimmed: "{% for m in messages %}{{ '[' + m.role + ']' + (m.content | trim) + '[/]' }}{% endfor %}",
  thinking:
    "{% for m in messages %}{{ '[' + m.role + ']' }}{% if loop.last %}{{ '<think></think>' }}{% endif %}{{ m.content.split('</think>')[-1] }}[/]{% endfor %}",
  plain: "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}"
}

t.test('the end of the prompt is where it is found with the real answer in place', async (t) => {
  for (const [name, source] of Object.entries(TEMPLATES)) {
    const template = new ChatTemplate(source, {}, 100_000)
    const text = fc.oneof(content, fc.constantFrom('[/]', '<think>a</think>b', '[user]', 'assistant: '))
    fc.assert(
      fc.property(text, text, text, (system, question, answer) => {
        const messages: Message[] = [
          { role: 'system', content: system },
          { role: 'user', content: question },
          { role: 'assistant', content: answer }
        ]
        const { text: rendered, gateAt, answerAt } = renderParts(template, messages)
        const mark = '\uf000mark\uf000'
        const marked = template.render(messages.map((m, i) => (i === 1 ? { ...m, content: mark } : m)))
        const after = marked.slice(marked.lastIndexOf(mark) + mark.length)
        if (!rendered.endsWith(after) || rendered.length - after.length > answerAt) return
        t.equal(gateAt, rendered.length - after.length, name)
      }),
      { numRuns: 100 }
    )
  }
})

t.test('a template that prints the date is rendered anew each time', async (t) => {
  const source = "{{ strftime_now('%Y') }}{% for m in messages %}{{ m.content }}|{% endfor %}"
  const dated = new ChatTemplate(source, {}, 100_000)
  const messages: Message[] = [
    { role: 'user', content: 'q' },
    { role: 'assistant', content: 'a' }
  ]
  const RealDate = Date
  const print = (year: number) => {
    globalThis.Date = class extends RealDate {
      constructor() {
        super(year, 5, 15)
      }
    } as DateConstructor
    try {
      return dated.renderShared(messages)
    } finally {
      globalThis.Date = RealDate
    }
  }
  t.equal(print(2031), '2031q|a|')
  t.equal(print(2032), '2032q|a|')
})
