import t from 'tap'
import { pairAccuracy } from '../../src/evaluate/accuracy.js'
import type { ScoredPair } from '../../src/evaluate/pairs.js'
import { seeded } from '../../src/random.js'

const pair = (margins: number[], groups: ScoredPair['groups'] = {}, i = 0): ScoredPair => {
  return { place: `data:${i}`, key: `prompt ${i}`, groups, margins, longer: i % 2 === 0 ? 1 : -1 }
}

t.test('accuracies, ties and both overall means are those counted by hand', async (t) => {
  const found = pairAccuracy([
    ...[1, 1, 0, -1].map((margin, i) => pair([margin, 1], { section: 'b', subset: 'x' }, i)),
    pair([1, -1], { section: 'a', subset: 'y' }, 4),
    pair([-1, -1], { subset: 'z' }, 5)
  ])
  t.equal(found.grouped_by, 'section', 'before subset')
  const [a, b, none] = found.sections
  t.strictSame([a?.name, b?.name, none?.name], ['a', 'b', null])
  t.match(b, {
    pairs: 4,
    prompts: 4,
    models: [{ accuracy: 2.5 / 4, ties: 1 }, { accuracy: 1 }],
    longer: { accuracy: 0.5 }
  })
  t.equal(b?.models[0]?.difference, undefined)
  t.equal(b?.models[1]?.difference?.difference, 1.5 / 4, 'further minus first')
  t.ok(b!.models[1]!.difference!.high > 0.25)
  t.equal(found.mean_of_pairs.models[0]?.accuracy, 3.5 / 6)
  t.equal(found.mean_of_sections?.models[0]?.accuracy, (1 + 2.5 / 4 + 0) / 3)
  t.equal(found.mean_of_sections?.pairs, 6)
})

t.test('category, then subset group where there is nothing before them; without any there is one mean', async (t) => {
  t.equal(pairAccuracy([pair([1], { category: 'c', subset: 's' })]).grouped_by, 'category')
  t.equal(pairAccuracy([pair([1], { subset: 's' })]).grouped_by, 'subset')
  const found = pairAccuracy([pair([1]), pair([-1])])
  t.match(found, { grouped_by: null, sections: [], mean_of_sections: null, mean_of_pairs: { pairs: 2, prompts: 1 } })
})

t.test('a model against itself differs by 0, whatever the pairs; intervals hold the accuracy', async (t) => {
  const random = seeded(3)
  const pairs = Array.from({ length: 120 }, (_, i) => {
    const margin = Math.round(4 * random() - 1.5)
    return { ...pair([margin, margin], { section: `s${i % 4}` }, i), key: `prompt ${i >> 1}` }
  })
  const { sections, mean_of_sections: ofSections, mean_of_pairs: ofPairs } = pairAccuracy(pairs)
  for (const { models } of [...sections, ofSections!, ofPairs]) {
    t.strictSame(models[1], { ...models[0], difference: { difference: 0, low: 0, high: 0 } })
    const { low, accuracy, high } = models[0]!
    t.ok(low < accuracy && accuracy < high)
  }
  // Sections of one size: both means are the same, and so nearly are their intervals.
  const [mean, plain] = [ofSections!.models[0]!, ofPairs.models[0]!]
  t.ok(Math.abs(mean.accuracy - plain.accuracy) < 1e-12)
  t.ok(Math.abs(mean.high - mean.low - (plain.high - plain.low)) < 0.05)
})
