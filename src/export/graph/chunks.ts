/** Subgraph: token-wise layers over equal parts of the tokens, one after another. */
import { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'

/** A value with a row for each token; null: a list, one number for each. */
export interface TokenRows {
  readonly value: string
  readonly width: number | null
}

/**
 * Computes values `[T, width]` from others part by part: what lies between is several times wider than a state, and of
 * one part it stays in a CPU's cache.
 * @param chunks int64 scalar that divides T
 * @param widths of the outputs
 * @param compute adds to the graph given it what one part needs; returns the outputs' names
 */
export function inChunks(
  graph: GraphBuilder,
  path: string,
  chunks: string,
  inputs: readonly TokenRows[],
  widths: readonly number[],
  elementType: DataType,
  compute: (body: GraphBuilder, inputs: readonly string[]) => readonly string[]
): string[] {
  const count = graph.node(`${path}/chunks`, 'Unsqueeze', [chunks, graph.ints(0)])
  const body = new GraphBuilder(`${path}/chunk`, graph)
  const turn = body.input(`${path}/chunk/turn`, DataType.INT64, [])
  const proceed = body.input(`${path}/chunk/proceed`, DataType.BOOL, [])
  const parts = inputs.map(({ value, width }, i) => {
    const at = `${path}/chunks/${i}`
    const rest = width === null ? graph.ints(-1) : graph.ints(-1, width)
    const shape = graph.node(at, 'Concat', [count, rest], { attributes: { axis: { int: 0 } } })
    return body.node(`${path}/chunk/${i}`, 'Gather', [graph.node(at, 'Reshape', [value, shape]), turn])
  })
  const outputs = compute(body, parts)
  body.output(`${path}/chunk/go_on`, proceed, DataType.BOOL, [])
  outputs.forEach((output, i) => body.output(`${path}/chunk/output_${i}`, output, elementType, ['C', widths[i]!]))
  const all = graph.nodes(path, 'Loop', [chunks, graph.bool(true)], {
    attributes: { body: { graph: body.body() } },
    outputs: outputs.map((_, i) => i)
  })
  return all.map((output, i) => graph.node(`${path}/flat/${i}`, 'Reshape', [output, graph.ints(-1, widths[i]!)]))
}
