/** The gate's weights for many prompts, as the curve, the monitors and the tables need them. */
import { PlainGraph } from '../../engine/session.js'
import { usableThreads } from '../../engine/threads.js'
import { rowsOf } from '../pairs.js'
import { gateTensors, type GateShape, type GateWeights } from './gate.js'
import { buildWeights } from './step-graph.js'

/** Prompts of one run. */
const CHUNK = 1024

export class GateWeigher {
  readonly #graph: PlainGraph
  readonly #shape: GateShape

  private constructor(graph: PlainGraph, shape: GateShape) {
    this.#graph = graph
    this.#shape = shape
  }

  static async open(shape: GateShape, temperature: number, threads: number): Promise<GateWeigher> {
    const model = buildWeights(shape, temperature).encode('')
    return new GateWeigher(await PlainGraph.of('gate weights', model, threads), shape)
  }

  /**
   * @param states `[N, hidden]`
   * @param rows indices of the prompts
   * @returns `[rows.length, objectives]`; each row adds up to 1, the scale is not in it
   */
  async weigh(gate: GateWeights, states: Float32Array, rows: Int32Array): Promise<Float32Array> {
    const { hidden, objectives } = this.#shape
    const tensors = gateTensors(this.#shape).map(({ name, shape }) => [name, { data: gate[name]!, shape }] as const)
    const weights = new Float32Array(rows.length * objectives)
    for (let from = 0; from < rows.length; from += CHUNK) {
      const chunk = rows.subarray(from, from + CHUNK)
      const feeds = { data: rowsOf(states, hidden, chunk), shape: [chunk.length, hidden] }
      const outputs = await this.#graph.run({ states: feeds, ...Object.fromEntries(tensors) })
      weights.set(outputs['weights']!, from * objectives)
    }
    return weights
  }

  async close(): Promise<void> {
    await this.#graph.close()
  }
}

/** `GateWeigher.weigh` of one gate, once. */
export async function weighOnce(
  shape: GateShape,
  temperature: number,
  gate: GateWeights,
  states: Float32Array,
  rows: Int32Array
): Promise<Float32Array> {
  const weigher = await GateWeigher.open(shape, temperature, usableThreads())
  try {
    return await weigher.weigh(gate, states, rows)
  } finally {
    await weigher.close()
  }
}

/**
 * Margins of pairs: sum over the objectives of weight times difference, in float64.
 * @param weights `[rows.length, objectives]`
 * @param differences `[N, objectives]`
 */
export function weighed(
  weights: Float32Array | Float64Array,
  differences: Float32Array,
  objectives: number,
  rows: Int32Array
): Float64Array {
  const margins = new Float64Array(rows.length)
  rows.forEach((row, i) => {
    let sum = 0
    for (let j = 0; j < objectives; j++) sum += weights[i * objectives + j]! * differences[row * objectives + j]!
    margins[i] = sum
  })
  return margins
}
