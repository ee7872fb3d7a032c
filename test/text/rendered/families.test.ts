/** Every template's own rendering comes back as the messages that it was made of. */
import { deepStrictEqual, equal } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Message } from '../../../src/text/conversation.js'
import { FAMILIES } from '../../../src/text/rendered/index.js'
import { assistant, system, user } from '../support.js'
import { DROP, KEEP, parse, render, type Rendering, RENDERINGS } from './support.js'

const label = ({ template }: Rendering, index: number) => `${template} (${index})`
/** Prompts that open a block of reasoning, which the rendering of past turns leaves out. */
const OPENS_THINKING = new Set(['deepseek-r1'])

t.test('every family has a rendering', async (t) => {
  t.strictSame([...new Set(RENDERINGS.map(({ family }) => family))].sort(), [...FAMILIES].sort())
})

RENDERINGS.forEach((rendering, index) => {
  const { family, text, prompt, messages, rendered_from: from = messages } = rendering

  t.test(label(rendering, index), async (t) => {
    t.equal(render(rendering, from), text, 'the template renders the text')
    const enable_thinking = !prompt.endsWith('</think>\n\n')
    const opened = render(rendering, from.slice(0, -1), { add_generation_prompt: true, enable_thinking })
    t.equal(opened, prompt, 'and the prompt')

    t.strictSame(parse(text), { messages, family, how: 'parsed' })
    t.strictSame(parse(text, undefined, { ...KEEP, family }), { messages, family, how: 'parsed' }, 'forced')
    const [answer = ''] = messages.slice(-1).map(({ content }) => content)
    if (OPENS_THINKING.has(rendering.template)) {
      const response = `${prompt}Well.\n</think>\n\n${answer}${rendering.eos_token}`
      const thought = [...messages.slice(0, -1), assistant(`<think>\nWell.\n</think>\n\n${answer}`)]
      t.strictSame(parse(response, prompt), { messages: thought, family, how: 'prompt' })
      t.strictSame(parse(response, prompt, DROP), { messages, family, how: 'prompt' })
    } else {
      t.ok(text.startsWith(prompt))
      t.strictSame(parse(text, prompt).messages, messages)
      t.equal(parse(text, prompt).how, 'prompt')
    }
  })

  t.test(`${label(rendering, index)}: cut by length, padded, without BOS`, async (t) => {
    const { bos_token: bos, template } = rendering
    if (OPENS_THINKING.has(template)) return
    const expected = (content: string) => [...messages.slice(0, -1), assistant(content)]
    const cut = text.slice(0, text.lastIndexOf('model.') + 'model.'.length)
    if (messages.at(-1)?.content.endsWith('A model.')) {
      t.strictSame(parse(cut, prompt).messages, messages, 'no end of turn')
      t.strictSame(parse(cut).messages, messages)
    }
    for (const pad of ['<|endoftext|>', '<pad>', '</s>', '<|eot_id|>', '<|finetune_right_pad_id|>', '[PAD]']) {
      const padded = pad.repeat(3) + text + pad.repeat(4)
      t.strictSame(parse(padded, prompt).messages, messages, pad)
      t.strictSame(parse(padded, pad + prompt).messages, messages, `${pad} in front of the prompt too`)
      t.strictSame(parse(padded).messages, messages)
    }
    if (template !== 'deepseek-v2' && bos !== '') {
      const bare = text.slice(bos.length)
      t.strictSame(parse(bare, prompt).messages, messages, 'the text without BOS')
      t.strictSame(parse(bos + text, prompt.slice(bos.length)).how, 'prompt', 'the prompt without BOS')
    }
    t.strictSame(parse(prompt, prompt).messages, expected(''), 'nothing was answered')
  })
})

const MARKUP = [
  '<|im_start|>user\n',
  '<|im_end|>',
  '[INST]',
  ' [/INST]',
  '<|start_header_id|>user<|end_header_id|>\n\n',
  '<start_of_turn>model\n',
  '<|user|>\n',
  '<|im_start|>user<|im_sep|>',
  '<｜User｜>',
  '\n\nUser: ',
  '<<SYS>>\n',
  '\n<</SYS>>\n\n',
  '[SYSTEM_PROMPT]'
]
const piece = fc.oneof(
  fc.constantFrom(' ', '\n', '\n\n', '<', '|', '<|', '[', 'word', 'User', '</s', '\ud800', '<|im_', '｜'),
  fc.string({ maxLength: 4 })
)
/** What two templates open turns with: contents that hold it cannot be told from turns. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  chatml: ['<|im_start|>'],
  phi4: ['<|im_start|>'],
  llama2: ['INST]', 'SYS>>'],
  mistral: ['INST]', 'SYS>>', 'SYSTEM_PROMPT]'],
  llama3: ['<|start_header_id|>'],
  gemma: ['<start_of_turn>'],
  zephyr: ['<|user|>'],
  phi3: ['<|user|>'],
  deepseek: ['<｜User｜>', '\n\nUser:']
}

t.test('round trip: what a template rendered parses to the same messages', async (t) => {
  const forms = RENDERINGS.filter(
    ({ rendered_from: from, template }) => from === undefined && template !== 'deepseek-r1'
  )
  const folded = RENDERINGS.filter(({ template }) => /gemma|mistral-v[013]/.test(template))
  t.ok(forms.length > 10 && folded.length > 4)
  for (const rendering of [...forms, ...folded]) {
    const { family, template, messages } = rendering
    const own = OWN[family] ?? []
    const foreign = MARKUP.filter((text) => !own.some((mark) => text.includes(mark)))
    // Templates that trim, or whose spaces tell versions apart, take contents without white space at the ends.
    // So does Qwen3's here: the Jinja package's lstrip takes off more than the newlines that it is told to.
    const trims = /llama|gemma|mistral|qwen3/.test(template)
    const text = fc.array(fc.oneof(piece, fc.constantFrom(...foreign)), { maxLength: 6 }).map((parts) => {
      const joined = parts.join('')
      return trims ? joined.trim() || 'x' : joined
    })
    // The answer that is rated loses end tokens at its end; deepseek-v2 cannot tell a newline from its own.
    const content = text.filter((c) => !own.some((mark) => c.includes(mark)) && !/^(\n|<\/?think>)|\n$/.test(c))
    const answer = content.filter((c) => !/[>\]]\s*$/.test(c))
    const withSystem = messages[0]?.role === 'system'
    const conversation = fc
      .tuple(content, fc.array(fc.tuple(content, content), { maxLength: 2 }), content, answer)
      .map(([first, turns, question, last]): Message[] => [
        // DeepSeek's stands bare behind BOS, so that padding in it is padding.
        ...(withSystem ? [system(family === 'deepseek' ? `x${first}` : first || 'x')] : []),
        ...turns.flatMap(([asked, answered]) => [user(asked), assistant(answered)]),
        user(question),
        assistant(last)
      ])
    fc.assert(
      fc.property(conversation, (conversation) => {
        const whole = render(rendering, conversation)
        const options = { ...KEEP, family }
        const parsed = parse(whole, undefined, options)
        deepStrictEqual({ template, messages: parsed.messages }, { template, messages: conversation })
        equal(render(rendering, parsed.messages), whole)

        const before = conversation.slice(0, -1)
        const prompt = render(rendering, before, { add_generation_prompt: true })
        const [lead = '', end = ''] = render(rendering, [...before, assistant('ANSWER')]).split('ANSWER')
        // Qwen3 writes an empty block of reasoning into what is past; a policy writes none.
        const gap = lead.endsWith('</think>\n\n') ? '' : lead.slice(prompt.length)
        const written = prompt + gap + (conversation.at(-1)?.content ?? '') + end
        deepStrictEqual(parse(written, prompt, options), { messages: conversation, family, how: 'prompt' })
      }),
      { numRuns: 60 }
    )
  }
})
