import t from 'tap'
import { IdMemory } from '../../src/text/memory.js'
import { finish, fixture, llama3Tokenizer, smallTokenizer, smollm2Tokenizer } from './support.js'

interface Ids {
  ids: number[]
  /** Python's ids with `encode_special_tokens`, where they differ. */
  plain?: number[]
}

const corpus = fixture<{ text: string; smollm2: Ids; llama3: Ids }[]>('text/corpus.json')
const synthetic = fixture<{ tokenizer: string; cases: (Ids & { text: string })[] }[]>('text/synthetic.json')

for (const [name, load] of [
  ['smollm2', smollm2Tokenizer],
  ['llama3', llama3Tokenizer]
] as const) {
  t.test(`${name}: ids equal to Python's`, async (t) => {
    const tokenizer = load()
    for (const { text, [name]: expected } of corpus) {
      t.strictSame(tokenizer.encode(text), expected.ids, JSON.stringify(text.slice(0, 60)))
      const plain = tokenizer.encodeOrdinary(text, true)
      t.strictSame(plain, expected.plain ?? expected.ids, `plain ${JSON.stringify(text.slice(0, 60))}`)
    }
  })
}

for (const { tokenizer: name, cases } of synthetic) {
  t.test(`flags of added tokens as in Python: ${name}`, async (t) => {
    const tokenizer = smallTokenizer(name)
    for (const { text, ids } of cases) t.strictSame(tokenizer.encode(text), ids, JSON.stringify(text))
  })
}

t.test('plain text yields no special id where the vocabulary holds the special token itself', async (t) => {
  for (const name of ['mergeable-special', 'ignore-merges', 'unknown']) {
    const tokenizer = smallTokenizer(name)
    const special = tokenizer.idOf('<a>')
    t.type(special, 'number')
    t.strictSame(tokenizer.encode('<a>'), [special], `${name}: as an added token`)
    const spelled = ['<', 'a', '>'].map((character) => tokenizer.idOf(character))
    const plain = tokenizer.encodeOrdinary('<a>', true)
    t.notOk(plain.includes(special ?? -1), `${name}: as text`)
    if (name !== 'mergeable-special') t.strictSame(plain, spelled, name)
    t.notOk(tokenizer.encodeOrdinary('\ud800<a>'.replace(/\p{Surrogate}/gu, '\ufffd'), true).includes(special ?? -1))
  }
})

t.test('characters outside the vocabulary become the unknown token, its spelling does not', async (t) => {
  const tokenizer = smallTokenizer('unknown')
  const unknown = tokenizer.idOf('<unk>')
  t.strictSame(tokenizer.encodeOrdinary('日本', true), [unknown])
  t.notOk(tokenizer.encodeOrdinary('<unk>', true).includes(unknown ?? -1))
})

t.test('special tokens are matched as written, even where flagged normalized', async (t) => {
  const { TextTokenizer } = await import('../../src/text/text-tokenizer.js')
  const tokenizer = new TextTokenizer(
    {
      added_tokens: [{ id: 9, content: '</s>', special: true, normalized: true }],
      normalizer: { type: 'Prepend', prepend: '_' },
      model: { type: 'BPE', vocab: { _: 0, a: 1, '<': 2, '/': 3, s: 4, '>': 5 }, merges: [] }
    },
    {}
  )
  t.strictSame(tokenizer.encode('a</s>'), [0, 1, 9])
})

t.test('the first token of a post-processor is known', async (t) => {
  const { TextTokenizer } = await import('../../src/text/text-tokenizer.js')
  const template = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A' } }]
  }
  const model = { type: 'BPE', vocab: { '<s>': 0 }, merges: [] }
  const first = (post_processor: unknown) =>
    new TextTokenizer({ model: structuredClone(model), post_processor, added_tokens: [] }, {}).firstTokenOfPostProcessor
  t.equal(first({ ...template, pair: [], special_tokens: {} }), '<s>')
  t.equal(first({ type: 'Sequence', processors: [{ type: 'ByteLevel' }, template] }), '<s>')
  t.equal(first({ type: 'ByteLevel' }), null)
  t.equal(first(null), null)
})

for (const [name, load] of [
  ['smollm2', smollm2Tokenizer],
  ['llama3', llama3Tokenizer]
] as const) {
  t.test(`${name}: frequent words are in memory once they are learned`, async (t) => {
    const [tokenizer, unlearned] = [load(16_000_000), load()]
    finish(tokenizer.learnWords())
    const remembered = t.capture(IdMemory.prototype, 'remember')
    for (const text of [' the people of this house', ' and', 'The', '.', ' (']) {
      t.strictSame(tokenizer.encodeOrdinary(text, false), unlearned.encodeOrdinary(text, false), text)
    }
    const words = remembered().map(({ args: [word] }) => word)
    t.strictSame(words, [' the', ' people', ' of', ' this', ' house', ' and', 'The', '.', ' ('])
  })
}
