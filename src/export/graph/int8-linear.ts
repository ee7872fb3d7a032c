/**
 * Subgraph: linear layers in 8-bit integers, y = (x - mean) W + shift, W rounded. Integer sums are exact, whatever their
 * order, and no row's grid depends on another row: a token's numbers are the same, bit for bit, in any batch.
 */
import type { QuantizedGroup } from '../quantize/quantize-layer.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import type { WeightSink } from '../weights/store.js'
import type { Linears } from './folded-layer.js'

/** Half a step of 8 bits holds 127 levels of the next digit on either side. */
const NEXT_DIGIT = 254

interface StoredMatrix8 {
  /** int8 `[inputs, outputs]` */
  readonly levels: string
  /** float `[outputs]` */
  readonly scales: string
  /** float `[outputs]` */
  readonly shift: string
}

/** The same layers for most tokens, and for those whose values would not fit a grid of 8 bits. */
export interface Int8Linears {
  readonly rounded: Linears
  readonly exact: Linears
}

/** Stores the weights of a group and says how to apply it. `path` names the weights. */
export async function int8Linears(sink: WeightSink, path: string, group: QuantizedGroup): Promise<Int8Linears> {
  const { graph } = sink
  const vector = (name: string, values: Float32Array): string =>
    graph.tensor(`${path}/${name}`, DataType.FLOAT, [values.length], values)
  const mean = vector('mean', group.mean)
  const matrices: StoredMatrix8[] = []
  for (const { name, inputs, outputs, levels, scales, shift } of group.matrices) {
    const region = sink.data.allocate(levels.length)
    await sink.data.write(region, 0, levels)
    sink.onProgress(levels.length)
    matrices.push({
      levels: graph.externalTensor(`${path}/${name}.levels`, DataType.INT8, [inputs, outputs], sink.data, region),
      scales: vector(`${name}.scales`, scales),
      shift: vector(`${name}.shift`, shift)
    })
  }
  const centred = (within: GraphBuilder, at: string, x: string): string =>
    within.node(`${at}/centred`, 'Sub', [x, mean])
  return {
    rounded: (within, at, x) => byRow(within, at, centred(within, at, x), matrices),
    exact: (within, at, x) => inThreeDigits(within, at, centred(within, at, x), matrices)
  }
}

const zeroPoint = (graph: GraphBuilder): string =>
  graph.tensor('/constants/uint8/128', DataType.UINT8, [], Uint8Array.of(128))

/** Levels uint8 around 128 times each matrix: float `[n, outputs]`. */
function products(graph: GraphBuilder, path: string, levels: string, matrices: readonly StoredMatrix8[]): string[] {
  return matrices.map((matrix, i) =>
    graph.node(
      `${path}/${i}`,
      'MatMulIntegerToFloat',
      [levels, matrix.levels, graph.float(1), matrix.scales, zeroPoint(graph)],
      { domain: 'com.microsoft' }
    )
  )
}

/** Largest magnitude of each row / 127, `[n]`; never zero. */
function rowSteps(graph: GraphBuilder, path: string, x: string): string {
  const over = { attributes: { keepdims: { int: 0 } } }
  const high = graph.node(path, 'ReduceMax', [x, graph.ints(-1)], over)
  const low = graph.node(path, 'Neg', [graph.node(path, 'ReduceMin', [x, graph.ints(-1)], over)])
  const largest = graph.node(path, 'Max', [high, low, graph.float(1e-20)])
  return graph.node(`${path}/step`, 'Mul', [largest, graph.float(1 / 127)])
}

function withShift(graph: GraphBuilder, path: string, y: string, { shift }: StoredMatrix8): string {
  return graph.node(`${path}/shifted`, 'Add', [y, shift])
}

/** x on a grid for each row, from its largest magnitude. */
function byRow(graph: GraphBuilder, path: string, x: string, matrices: readonly StoredMatrix8[]): string[] {
  const steps = rowSteps(graph, path, x)
  const shape = graph.node(`${path}/rows`, 'Shape', [steps])
  const zeros = graph.node(`${path}/zeros`, 'Expand', [zeroPoint(graph), shape])
  const levels = graph.node(path, 'QuantizeLinear', [x, steps, zeros], { attributes: { axis: { int: 0 } } })
  const column = graph.node(`${path}/steps`, 'Unsqueeze', [steps, graph.ints(1)])
  return products(graph, path, levels, matrices).map((product, i) => {
    const y = graph.node(`${path}/${i}/scaled`, 'Mul', [product, column])
    return withShift(graph, `${path}/${i}`, y, matrices[i]!)
  })
}

/**
 * x as three digits of 8 bits each, one product of all three: float32's precision from the same 8-bit weights. The rows
 * are few.
 *
 *     x / step = d0 + d1 / 254 + d2 / 254^2, digits -127..127
 */
function inThreeDigits(graph: GraphBuilder, path: string, x: string, matrices: readonly StoredMatrix8[]): string[] {
  const steps = graph.node(`${path}/steps`, 'Unsqueeze', [rowSteps(graph, path, x), graph.ints(1)])
  let rest = graph.node(`${path}/relative`, 'Div', [x, steps])
  const digits = [0, 1, 2].map((place) => {
    const digit = graph.node(`${path}/digit/${place}`, 'Round', [rest])
    const missing = graph.node(`${path}/digit/${place}`, 'Sub', [rest, digit])
    rest = graph.node(`${path}/digit/${place}`, 'Mul', [missing, graph.float(NEXT_DIGIT)])
    return digit
  })
  const stacked = graph.node(`${path}/digits`, 'Concat', digits, { attributes: { axis: { int: 0 } } })
  const levels = graph.node(path, 'QuantizeLinear', [stacked, graph.float(1), zeroPoint(graph)])
  return products(graph, path, levels, matrices).map((product, i) => {
    const at = `${path}/${i}`
    const [first, second, third] = graph.nodes(at, 'Split', [product], {
      attributes: { axis: { int: 0 }, num_outputs: { int: 3 } },
      outputs: [0, 1, 2]
    })
    const lower = graph.node(`${at}/third`, 'Mul', [third!, graph.float(1 / NEXT_DIGIT)])
    const both = graph.node(`${at}/second`, 'Add', [second!, lower])
    const fraction = graph.node(`${at}/fraction`, 'Mul', [both, graph.float(1 / NEXT_DIGIT)])
    const sum = graph.node(`${at}/sum`, 'Add', [first!, fraction])
    return withShift(graph, at, graph.node(`${at}/scaled`, 'Mul', [sum, steps]), matrices[i]!)
  })
}
