import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../../../src/checkpoint/config.js'
import { SafetensorsReader } from '../../../src/checkpoint/safetensors.js'
import { cascadeFeeds } from '../../../src/engine/feeds.js'
import { packBatch } from '../../../src/engine/pack.js'
import { PlainGraph } from '../../../src/engine/session.js'
import { Calibration } from '../../../src/export/quantize/calibrate.js'
import { FoldedBackbone } from '../../../src/export/quantize/folded.js'
import { tinyBundle } from '../../support/bundles.js'
import { CHECKPOINTS, checkpointFolder, expectedCases, worstDifference } from '../../support/checkpoints.js'
import { sequence } from '../../support/engines.js'

/** The final states of calibration's rotated residual stream, `[T, hidden]`. */
async function finalStates(folded: FoldedBackbone, residual: Float32Array): Promise<Float32Array> {
  const { hiddenSize: size, rmsNormEps } = folded.config
  const { weights } = await folded.final()
  const states = new Float32Array(residual.length)
  for (let start = 0; start < residual.length; start += size) {
    const row = residual.subarray(start, start + size)
    const root = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / size + rmsNormEps)
    for (let j = 0; j < size; j++) {
      let sum = 0
      for (let i = 0; i < size; i++) sum += (row[i]! / root) * weights[i * size + j]!
      states[start + j] = sum
    }
  }
  return states
}

for (const name of CHECKPOINTS) {
  t.test(`before rounding the rotated backbone of ${name} gives the states of the checkpoint's own`, async (t) => {
    const bundle = await tinyBundle(t, name)
    const config = await readConfig(checkpointFolder(name))
    const reader = await SafetensorsReader.open(checkpointFolder(name))
    t.teardown(() => reader.close())
    const batch = expectedCases(name)
      .slice(0, 4)
      .map(({ input_ids: ids, gate_index: gate }) => sequence(ids, gate))
    const folded = new FoldedBackbone(reader, config)
    const calibration = await Calibration.start({
      folded,
      sequences: batch,
      exactTokens: new Set(),
      folder: join(t.testdirName, 'layers'),
      maxTokens: config.maxPositions
    })
    for (let layer = 0; layer < config.layers; layer++) await calibration.layer()
    const [found] = calibration.states()
    await calibration.close()
    const states = await finalStates(folded, found!.residual)
    const packed = packBatch(batch)
    const graph = await PlainGraph.open(bundle, 'backbone.onnx', 1)
    const { states: expected } = await graph.run(cascadeFeeds(packed, null))
    await graph.close()
    const size = config.hiddenSize
    const wanted = [...packed.wanted].flatMap((index) => [...states.subarray(index * size, (index + 1) * size)])
    const worst = worstDifference(wanted, expected!)
    // Both sides are computed in float32.
    t.ok(worst < 2e-5, `${worst}`)
    t.comment(`${name}: ${worst.toExponential(1)}`)
  })
}
