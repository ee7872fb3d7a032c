import { readFileSync } from 'node:fs'
import t from 'tap'
import { LoadBuilder, type LoadGroup, type LoadShape, type RawGroup } from '../../bench/loads.js'

/** About four characters a token, as English text has. */
const count = (text: string): number => Math.ceil(text.length / 4)

const GROUPS = readFileSync('bench/conversations.jsonl', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RawGroup)

const SHAPES: readonly LoadShape[] = [
  { name: 'ppo', title: '', prompts: 64, responsesPerPrompt: 1, promptTokens: 250, responseTokens: 300 },
  { name: 'grpo-a', title: '', prompts: 8, responsesPerPrompt: 8, promptTokens: 260, responseTokens: 95 },
  { name: 'grpo-b', title: '', prompts: 8, responsesPerPrompt: 8, promptTokens: 250, responseTokens: 500 }
]

const promptTokens = ({ prompt }: LoadGroup) => prompt.reduce((sum, { content }) => sum + count(content), 0)
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

t.test('a load has the shape that was asked for', async (t) => {
  const builder = new LoadBuilder(GROUPS, count)
  for (const shape of SHAPES) {
    const groups = builder.build(shape)
    t.equal(groups.length, shape.prompts)
    t.ok(groups.every(({ responses }) => responses.length === shape.responsesPerPrompt))
    const prompt = mean(groups.map(promptTokens))
    t.ok(Math.abs(prompt / shape.promptTokens - 1) < 0.1, `${shape.name}: ${prompt} prompt tokens`)
    const lengths = groups.flatMap(({ responses }) => responses.map(count))
    const response = mean(lengths)
    t.ok(Math.abs(response / shape.responseTokens - 1) < 0.1, `${shape.name}: ${response} response tokens`)
    t.ok(Math.max(...lengths) > 1.1 * Math.min(...lengths), 'lengths differ')
  }
})

t.test('prompts are conversations that end with a question of the user', async (t) => {
  for (const { prompt } of new LoadBuilder(GROUPS, count).build(SHAPES[0]!)) {
    t.strictSame(
      prompt.map(({ role }) => role),
      prompt.map((_, i) => (i % 2 === 0 ? 'user' : 'assistant'))
    )
    t.equal(prompt.at(-1)?.role, 'user')
    t.ok(prompt.every(({ content }) => content.length > 0 && !/[\uD800-\uDBFF](?![\uDC00-\uDFFF])/.test(content)))
  }
})

t.test('the same seed gives the same load, another one another', async (t) => {
  const build = (seed: number) => new LoadBuilder(GROUPS, count, seed).build(SHAPES[0]!)
  t.strictSame(build(1), build(1))
  t.notSame(build(1), build(2))
})

t.test('no conversation comes twice, in no round', async (t) => {
  const builder = new LoadBuilder(GROUPS, count)
  const seen = new Set<string>()
  let conversations = 0
  for (let round = 0; round < 5; round++) {
    for (const shape of SHAPES) {
      for (const { prompt, responses } of builder.build(shape)) {
        for (const response of responses) {
          seen.add(JSON.stringify([prompt, response]))
          conversations++
        }
      }
    }
  }
  t.equal(seen.size, conversations)
})

t.test('too few texts are refused, not repeated', async (t) => {
  t.throws(() => new LoadBuilder(GROUPS.slice(0, 1), count), /at least two/)
  const poor = ['a', 'b'].map((content) => ({ prompt: [{ role: 'user', content }], responses: [content] }))
  const shape: LoadShape = { ...SHAPES[1]!, promptTokens: 1, responseTokens: 1 }
  t.throws(() => new LoadBuilder(poor, count).build(shape), /too few texts/)
  const empty = ['', ''].map((content) => ({ prompt: [{ role: 'user', content }], responses: [content] }))
  t.throws(() => new LoadBuilder(empty, count).build(SHAPES[0]!), /too few texts/)
})
