import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { trainSettings } from '../../../src/train/settings.js'
import { runAblations } from '../../../src/train/stage2/ablate.js'
import { plantedWork, QUICK } from '../../support/planted-work.js'

const silent = { line: () => undefined, progress: () => undefined }
const one = (cluster: number) => [0, 1, 2, 3].map((j) => (j === cluster ? 1 : 0))
const settingsOf = (ablations: object[], stage2: object = {}) =>
  trainSettings({ seed: 1, stage2: { ...QUICK, steps: 60, validation_share: 0.3, ...stage2, ablations } }, 'test')

t.test('variants are trained with all else as set, and compared with it', async (t) => {
  const folder = t.testdir({})
  await plantedWork(folder, { pairs: 1500, seed: 1, decides: one })
  const lines: string[] = []
  const ablations = [
    { name: 'nothing changed', stage2: {} },
    { name: 'a gate that cannot learn', stage2: { learning_rate: 1e-9, temperature: 1000 } },
    { name: 'ratings as they are', debias: { removed: [] } }
  ]
  const settings = settingsOf(ablations, { seeds: [1, 2] })
  const result = await runAblations(folder, settings, { ...silent, line: (text) => lines.push(text) })
  const [base, same, dull, raw] = result.rows
  t.same(
    result.rows.map(({ name }) => name),
    ['as set', ...ablations.map(({ name }) => name)]
  )
  t.same(same!.runs, base!.runs)
  t.same(same!.difference, { difference: 0, low: 0, high: 0 })
  t.ok(dull!.difference.low > 0.1 && dull!.runs[0]!.best.entropy > 0.99)
  t.not(raw!.runs[0]!.best.validation_loss, base!.runs[0]!.best.validation_loss)
  const mean = base!.runs.reduce((sum, { best }) => sum + best.validation_accuracy / 2, 0)
  t.ok(Math.abs(base!.all.accuracy - mean) < 1e-12, 'the mean of the seeds')
  t.ok(lines.some((line) => line.startsWith('a gate that cannot learn')))
  t.same(JSON.parse(await readFile(join(folder, 'ablations.json'), 'utf8')), JSON.parse(JSON.stringify(result)))
})

t.test('a mistake in any ablation is told before one is trained', async (t) => {
  const folder = t.testdir({})
  const ask = (ablation: object) => runAblations(folder, settingsOf([{ name: 'fine' }, ablation]), silent)
  await t.rejects(ask({ name: 'typo', stage2: { widht: 3 } }), {
    code: 'invalid_config',
    message: 'ablation "typo": /stage2/widht is not a known key'
  })
  await t.rejects(ask({ name: 'range', debias: { threshold: 2 } }), {
    code: 'invalid_config',
    message: /^ablation "range": \/debias\/threshold /
  })
})
