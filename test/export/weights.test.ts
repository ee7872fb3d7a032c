import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import t, { type Test } from 'tap'
import type { WeightSource } from '../../src/checkpoint/weights.js'
import { decodeMatrix } from '../../src/export/graph/decode.js'
import { type FloatPrecision, linear } from '../../src/export/graph/linear.js'
import { ExternalDataWriter } from '../../src/export/onnx/external-data.js'
import { GraphBuilder } from '../../src/export/onnx/graph-builder.js'
import { DataType } from '../../src/export/onnx/model.js'
import { mapColumns, mapRows, stackRows } from '../../src/export/weights/arrange.js'
import { floatToHalf, halfToFloat, roundToBfloat16 } from '../../src/export/weights/half.js'
import { storeCompact, storeHalf, type WeightSink } from '../../src/export/weights/store.js'

function matrix(rows: number, columns: number, value: (index: number) => number): WeightSource & { all: Float32Array } {
  const all = Float32Array.from({ length: rows * columns }, (_, index) => value(index))
  return { rows, columns, all, read: async (first, count) => all.slice(first * columns, (first + count) * columns) }
}

/** On the grid of a 4-bit quantizer, as bfloat16: 16 levels a block of 32. */
const onGrid4 = (index: number): number => {
  const scale = halfToFloat(floatToHalf(0.01 + (Math.floor(index / 32) % 7) * 0.003))
  const level = index % 32 === 0 ? 0 : index % 32 === 1 ? 15 : (index * 7) % 16
  return roundToBfloat16(Math.fround(Math.fround(scale * level) - 0.0625))
}
const onNoGrid = (index: number): number => Math.fround(Math.sin(index * 12.9898) * 0.05)

/** Builds a graph into a folder of the test and runs it. */
async function runGraph(
  t: Test,
  build: (sink: WeightSink) => Promise<string>,
  shape: string[],
  feeds: Record<string, ort.Tensor> = {},
  half = false
): Promise<{ data: Float32Array; dims: readonly number[]; sink: WeightSink; bytes: number }> {
  const folder = t.testdir({})
  const graph = new GraphBuilder('test')
  const data = await ExternalDataWriter.create(join(folder, 'weights'), 'weights')
  const computeType = half ? DataType.FLOAT16 : DataType.FLOAT
  const sink: WeightSink = { graph, data, computeType, onProgress: () => undefined, lossless: true }
  for (const [name, tensor] of Object.entries(feeds)) {
    const type = tensor.type === 'int64' ? DataType.INT64 : DataType.FLOAT
    graph.input(
      name,
      type,
      tensor.dims.map((_, axis) => `${name}_${axis}`)
    )
  }
  graph.output('y', await build(sink), DataType.FLOAT, shape)
  await data.close()
  const { writeFile } = await import('node:fs/promises')
  await writeFile(join(folder, 'graph.onnx'), graph.encode('test'))
  const session = await ort.InferenceSession.create(join(folder, 'graph.onnx'), { logSeverityLevel: 3 })
  const { y } = await session.run(feeds)
  const bytes = (await readFile(join(folder, 'weights'))).length
  await session.release()
  return { data: y!.data as Float32Array, dims: y!.dims, sink, bytes }
}

t.test('weights of a 4-bit grid come back bit for bit from a third of bfloat16', async (t) => {
  const source = matrix(40, 96, onGrid4)
  const { data, sink, bytes } = await runGraph(
    t,
    async (sink) => decodeMatrix(sink.graph, '/w', await storeCompact(sink, 'w', source)),
    ['N', 'K']
  )
  t.same(data, source.all)
  t.equal(sink.lossless, true)
  t.ok(bytes < source.all.length * 0.7, `${bytes} bytes`)
})

t.test('rows are decoded as they are gathered', async (t) => {
  const source = matrix(40, 96, onGrid4)
  const ids = new ort.Tensor('int64', BigInt64Array.of(7n, 0n, 39n, 7n), [4])
  const { data, dims } = await runGraph(
    t,
    async (sink) => decodeMatrix(sink.graph, '/w', await storeCompact(sink, 'w', source), 'ids'),
    ['T', 'K'],
    { ids }
  )
  t.same(dims, [4, 96])
  t.same(data.slice(192, 288), source.all.slice(39 * 96, 40 * 96))
  t.same(data.slice(0, 96), data.slice(288))
})

t.test('one block off the grid moves the whole matrix to 8 bits; a width of no whole blocks is padded', async (t) => {
  for (const [columns, value] of [
    [64, (i: number) => (i < 39 * 64 ? onGrid4(i) : onNoGrid(i))],
    [50, onNoGrid]
  ] as const) {
    const source = matrix(40, columns, value)
    const { data, dims, sink } = await runGraph(
      t,
      async (sink) => decodeMatrix(sink.graph, '/w', await storeCompact(sink, 'w', source)),
      ['N', 'K']
    )
    t.same(dims, [40, columns])
    t.equal(sink.lossless, false)
    // Half a step of a block whose largest weight is below 0.4.
    t.ok(source.all.every((weight, i) => Math.abs(weight - data[i]!) <= 0.4 / 127 / 2 + 1e-7))
  }
})

t.test('a linear layer is x W^T + b at every precision', async (t) => {
  const weights = matrix(24, 96, onNoGrid)
  const bias = matrix(1, 24, (i) => i / 10)
  const rows = 5
  const input = Float32Array.from({ length: rows * 96 }, (_, i) => Math.cos(i))
  const expected = Float32Array.from({ length: rows * 24 }, (_, at) => {
    const [row, out] = [Math.floor(at / 24), at % 24]
    let sum = bias.all[out]!
    for (let i = 0; i < 96; i++) sum += input[row * 96 + i]! * weights.all[out * 96 + i]!
    return sum
  })
  const allowed: Record<FloatPrecision, number> = { fp32: 1e-6, fp16: 0.005, compact: 0.01 }
  for (const precision of ['fp32', 'fp16', 'compact'] as const) {
    const x = new ort.Tensor('float32', input, [rows, 96])
    const half = precision === 'fp16'
    const cast = (sink: WeightSink, path: string, value: string, to: DataType) =>
      half ? sink.graph.node(path, 'Cast', [value], { attributes: { to: { int: to } } }) : value
    const { data } = await runGraph(
      t,
      async (sink) => {
        const y = await linear(sink, '/l', precision, cast(sink, '/x', 'x', DataType.FLOAT16), weights, bias)
        return cast(sink, '/y', y, DataType.FLOAT)
      },
      ['T', 'N'],
      { x },
      half
    )
    const worst = data.reduce((largest, value, i) => Math.max(largest, Math.abs(value - expected[i]!)), 0)
    t.ok(worst <= allowed[precision], `${precision}: ${worst}`)
  }
})

t.test('a weight that float16 cannot hold is refused by name', async (t) => {
  const weights = matrix(2, 4, (i) => (i === 5 ? 70_000 : 1))
  const folder = t.testdir({})
  const data = await ExternalDataWriter.create(join(folder, 'weights'), 'weights')
  t.teardown(() => data.close())
  const computeType = DataType.FLOAT16
  const sink: WeightSink = {
    graph: new GraphBuilder('test'),
    data,
    computeType,
    onProgress: () => undefined,
    lossless: true
  }
  await t.rejects(storeHalf(sink, 'w', weights), {
    code: 'unsupported_checkpoint',
    message: 'w holds a weight that float16 cannot (beyond 65504)'
  })
})

t.test('stacked and padded matrices read the same in any blocks', async (t) => {
  const a = matrix(4, 6, (i) => i)
  const b = matrix(2, 6, (i) => 100 + i)
  // Rows 0, 1, none, 2, 3, none; columns 0..5 with a gap after each three.
  const padded = mapColumns(
    mapRows(stackRows([a, b]), 9, (row) => (row % 3 === 2 ? -1 : Math.floor(row / 3) * 2 + (row % 3))),
    8,
    (column) => (column % 4 === 3 ? -1 : Math.floor(column / 4) * 3 + (column % 4))
  )
  const whole = await padded.read(0, 9)
  t.same([...whole.slice(0, 8)], [0, 1, 2, 0, 3, 4, 5, 0])
  t.same([...whole.slice(16, 24)], new Array(8).fill(0))
  t.same([...whole.slice(48, 56)], [100, 101, 102, 0, 103, 104, 105, 0])
  for (let first = 0; first < 9; first++) {
    for (let count = 1; first + count <= 9; count++) {
      t.same(await padded.read(first, count), whole.slice(first * 8, (first + count) * 8), `${first} + ${count}`)
    }
  }
})
