import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PlainGraph } from '../../src/engine/session.js'
import { type Int8Linears, int8Linears } from '../../src/export/graph/int8-linear.js'
import { ExternalDataWriter } from '../../src/export/onnx/external-data.js'
import { GraphBuilder } from '../../src/export/onnx/graph-builder.js'
import { DataType } from '../../src/export/onnx/model.js'
import { roundNearest } from '../../src/export/quantize/gptq.js'
import type { QuantizedGroup } from '../../src/export/quantize/quantize-layer.js'
import type { WeightSink } from '../../src/export/weights/store.js'

const [INPUTS, OUTPUTS] = [96, 20]
const weights = Float64Array.from({ length: INPUTS * OUTPUTS }, (_, i) => Math.sin(i * 12.9898) * 0.1)
const mean = Float32Array.from({ length: INPUTS }, (_, i) => Math.cos(i))
const shift = Float32Array.from({ length: OUTPUTS }, (_, i) => i / 7)
const matrix = { inputs: INPUTS, outputs: OUTPUTS, ...roundNearest(weights, OUTPUTS) }

const group: QuantizedGroup = {
  mean,
  matrices: [
    { name: 'gate_proj', shift, ...matrix },
    { name: 'up_proj', shift: new Float32Array(OUTPUTS), ...matrix }
  ]
}

/** Rows of ordinary values, one with a massive one, one that is the mean itself. */
const rows = Float32Array.from({ length: 7 * INPUTS }, (_, i) => {
  const [row, column] = [Math.floor(i / INPUTS), i % INPUTS]
  if (row === 6) return mean[column]!
  return mean[column]! + Math.sin(i * 1.7) + (row === 3 && column === 40 ? 2000 : 0)
})

/** (x - mean) W + shift with the rounded weights, `[rows, OUTPUTS]`. */
function expected(x: Float32Array, shifted: boolean): Float64Array {
  return Float64Array.from({ length: (x.length / INPUTS) * OUTPUTS }, (_, at) => {
    const [row, output] = [Math.floor(at / OUTPUTS), at % OUTPUTS]
    let sum = shifted ? shift[output]! : 0
    for (let i = 0; i < INPUTS; i++) {
      const weight = matrix.levels[i * OUTPUTS + output]! * matrix.scales[output]!
      sum += Math.fround(x[row * INPUTS + i]! - mean[i]!) * weight
    }
    return sum
  })
}

async function graphOf(t: Test, kind: keyof Int8Linears): Promise<PlainGraph> {
  const folder = t.testdir({})
  const graph = new GraphBuilder('test')
  const data = await ExternalDataWriter.create(join(folder, 'weights'), 'weights')
  const sink: WeightSink = {
    graph,
    data,
    computeType: DataType.FLOAT,
    onProgress: () => undefined,
    lossless: true
  }
  const x = graph.input('x', DataType.FLOAT, ['T', INPUTS])
  const linears = await int8Linears(sink, 'l', group)
  linears[kind](graph, '/l', x).forEach((y, i) => graph.output(`y${i}`, y, DataType.FLOAT, ['T', OUTPUTS]))
  await data.close()
  await writeFile(join(folder, 'graph.onnx'), graph.encode('test'))
  const session = await PlainGraph.open(folder, 'graph.onnx', 1)
  t.teardown(() => session.close())
  return session
}

const feed = (x: Float32Array) => ({ x: { data: x, shape: [x.length / INPUTS, INPUTS] } })

/** Sum of an output's rounded weights' magnitudes: what an error of one in every input would come to. */
const reach = Math.max(
  ...Array.from({ length: OUTPUTS }, (_, output) => {
    let sum = 0
    for (let i = 0; i < INPUTS; i++) sum += Math.abs(matrix.levels[i * OUTPUTS + output]!) * matrix.scales[output]!
    return sum
  })
)

t.test('three digits give what float32 gives, massive values or not', async (t) => {
  const graph = await graphOf(t, 'exact')
  const { y0, y1 } = await graph.run(feed(rows))
  for (const [found, wanted] of [
    [y0!, expected(rows, true)],
    [y1!, expected(rows, false)]
  ] as const) {
    const worst = found.reduce((most, value, i) => {
      const scale = Math.floor(i / OUTPUTS) === 3 ? 2000 : 1
      return Math.max(most, Math.abs(value - wanted[i]!) / scale)
    }, 0)
    t.ok(worst < 1e-5, `${worst}`)
  }
})

t.test('a grid for each row: within half a step of it, the others untouched by a massive row', async (t) => {
  const graph = await graphOf(t, 'rounded')
  const { y0 } = await graph.run(feed(rows))
  const wanted = expected(rows, true)
  y0!.forEach((value, i) => {
    const largest = Math.floor(i / OUTPUTS) === 3 ? 2001 : Math.floor(i / OUTPUTS) === 6 ? 0 : 1
    const allowed = (reach * largest) / 127 / 2 + 1e-5
    if (Math.abs(value - wanted[i]!) > allowed) t.fail(`row ${Math.floor(i / OUTPUTS)}: ${value}, not ${wanted[i]}`)
  })
})

t.test('a row gives the same alone, bit for bit', async (t) => {
  for (const kind of ['exact', 'rounded'] as const) {
    const graph = await graphOf(t, kind)
    const together = await graph.run(feed(rows))
    for (let row = 0; row < 7; row++) {
      const alone = await graph.run(feed(rows.slice(row * INPUTS, (row + 1) * INPUTS)))
      for (const output of ['y0', 'y1']) {
        t.strictSame(alone[output], together[output]!.slice(row * OUTPUTS, (row + 1) * OUTPUTS))
      }
    }
  }
})
