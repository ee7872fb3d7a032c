import t from 'tap'
import { DebiasSettings } from '../../src/train/debias/settings.js'
import { trainSettings } from '../../src/train/settings.js'
import { Stage1Settings } from '../../src/train/stage1/settings.js'
import { marked, read, section, tableRows } from '../support/documents.js'

const DOCUMENT = read('docs/training.md')

t.test("the tables of settings are the schemas'", async (t) => {
  const defaults = trainSettings({}, 'no file')
  const sections = [
    ['Stage 1', defaults.stage1, Stage1Settings],
    ['Debiasing', defaults.debias, DebiasSettings]
  ] as const
  for (const [heading, values, schema] of sections) {
    const names = Object.keys(schema.properties)
    const rows = tableRows(section(DOCUMENT, heading)).filter(([first = '']) => names.includes(marked(first)[0] ?? ''))
    t.strictSame(
      rows.slice(0, names.length).map(([name, value]) => [marked(name!)[0], JSON.parse(marked(value!)[0]!) as unknown]),
      Object.entries(values).sort(([a], [b]) => names.indexOf(a) - names.indexOf(b)),
      heading
    )
  }
})
