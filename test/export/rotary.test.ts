import t from 'tap'
import { readConfig } from '../../src/checkpoint/config.js'
import { inverseFrequencies } from '../../src/export/graph/rotary.js'
import { inverseFrequencies as reference } from '../../src/reference/backbone.js'
import { CHECKPOINTS, checkpointFolder } from '../support/checkpoints.js'

t.test('float32 frequencies follow the reference within float32 rounding, whatever the scaling', async (t) => {
  for (const name of CHECKPOINTS) {
    const { headDim, rope } = await readConfig(checkpointFolder(name))
    const expected = reference(rope, headDim)
    inverseFrequencies(headDim, rope).forEach((frequency, i) => {
      t.ok(Math.abs(frequency / expected[i]! - 1) < 1e-6, `${name} ${i}`)
    })
  }
})
