import t from 'tap'
import { loadReference } from '../../src/bundle/reference.js'
import { marked, read, section, tableRows } from '../support/documents.js'
import { readManifest } from '../support/bundles.js'
import { DEFAULT_MODEL } from '../support/paths.js'

const CARD = read('models/default/README.md')
const manifest = readManifest(DEFAULT_MODEL)

t.test("the card lists the model's objectives in their order", async (t) => {
  const listed = tableRows(section(CARD, 'Objectives')).flatMap(([names = '']) => marked(names))
  t.strictSame(
    listed,
    manifest.objectives.map(({ name }) => name)
  )
})

t.test("the card's figures are the bundle's", async (t) => {
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
  t.match(CARD, `| size | ${(bytes / 1e6).toFixed(1)} MB |`)
  t.match(CARD, `| longest conversation | ${manifest.max_tokens.toLocaleString('en')} tokens |`)
  t.match(CARD, `${manifest.backbone.layers} layers, hidden size ${manifest.backbone.hidden_size}`)
  t.match(CARD, `--precision ${manifest.backbone.precision} --licence ${manifest.model.licence}`)
})

t.test("the card's reference is the bundle's, made with its revision", async (t) => {
  const reference = await loadReference(DEFAULT_MODEL, manifest)
  const { mean, standard_deviation: deviation, percentiles } = reference?.score ?? { percentiles: [] }
  const row = [mean, deviation, percentiles[0], percentiles.at(-1)].map((value) => value?.toFixed(3)).join(' | ')
  t.match(CARD, `| score | ${row} |`)
  t.match(CARD, `the ${reference?.conversations} conversations`)
})

t.test('the README shows replies of the model that is built in', async (t) => {
  const { name, revision } = manifest.model
  const shown = [...read('README.md').matchAll(/"name": "([^"]+)", "revision": "([^"]+)"/g)]
  t.ok(shown.length > 0)
  for (const [, model, of] of shown) t.strictSame([model, of], [name, revision])
})
