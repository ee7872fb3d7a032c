/** What is measured of the inputs of quantized matrices, held against moments that are added up here. */
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../src/checkpoint/config.js'
import { SafetensorsReader } from '../../../src/checkpoint/safetensors.js'
import { packBatch } from '../../../src/engine/pack.js'
import { Calibration } from '../../../src/export/quantize/calibrate.js'
import { FoldedBackbone } from '../../../src/export/quantize/folded.js'
import { checkpointFolder, worstDifference } from '../../support/checkpoints.js'
import { sequence } from '../../support/engines.js'

t.test('means leave exact tokens out; tokens that rewards are read at count as much as all together', async (t) => {
  const folder = checkpointFolder('armorm-tiny')
  const config = await readConfig(folder)
  const reader = await SafetensorsReader.open(folder)
  t.teardown(() => reader.close())
  // Two answers to one prompt, and another conversation: three ends, two gate positions.
  const batch = [
    sequence([1, 9, 4, 3, 8, 8, 3], 3),
    sequence([1, 9, 4, 3, 7, 3], 3),
    sequence([1, 5, 6, 2, 3, 12, 13, 14, 2], 4)
  ]
  const exact = new Set([3])
  const calibration = await Calibration.start({
    folded: new FoldedBackbone(reader, config),
    sequences: batch,
    exactTokens: exact,
    folder: join(t.testdirName, 'layers'),
    maxTokens: config.maxPositions
  })
  const { residual } = calibration.states()[0]!
  const { q } = await calibration.layer()
  await calibration.close()

  const { tokenIds, wanted } = packBatch(batch)
  const size = config.hiddenSize
  const rows = Array.from(tokenIds, (_, token) => {
    const row = residual.slice(token * size, (token + 1) * size)
    const root = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / size + config.rmsNormEps)
    return Array.from(row, (value) => value / root)
  })
  const rounded = rows.filter((_, token) => !exact.has(tokenIds[token]!))
  const mean = Array.from({ length: size }, (_, i) => rounded.reduce((sum, row) => sum + row[i]!, 0) / rounded.length)
  t.ok(worstDifference([...q.mean], mean) < 1e-5)

  const weights = rows.map(() => 1)
  for (const token of wanted.subarray(0, 3)) weights[token] = rows.length / 2 / 3
  for (const token of wanted.subarray(3)) weights[token] = rows.length / 2 / 2
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const expected = Array.from({ length: size * size }, (_, at) => {
    const [i, j] = [Math.floor(at / size), at % size]
    return rows.reduce(
      (sum, row, token) => sum + (weights[token]! / all) * (row[i]! - mean[i]!) * (row[j]! - mean[j]!),
      0
    )
  })
  t.ok(worstDifference([...q.covariance!], expected) < 1e-5)
})
