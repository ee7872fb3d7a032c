/** Subgraph: weights from their compact form. Over initializers alone ONNX Runtime computes it once, at load. */
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'
import { GRID_BLOCK } from '../weights/grid.js'
import type { StoredMatrix } from '../weights/store.js'

const to = (type: DataType) => ({ attributes: { to: { int: type } } })

/**
 * Float32 `[rows, columns]` of a stored matrix, or of the rows that `gather` (int64 `[T]`) names: `[T, columns]`.
 *
 *     levels ── Gather ── nibbles ── Cast ── Mul ── Add ── Cast bf16 ── Cast ── Reshape ── Slice
 *     scales ── Gather ─────────────────────┘      │       (exact grids only)
 *     minima ── Gather ────────────────────────────┘
 */
export function decodeMatrix(graph: GraphBuilder, path: string, stored: StoredMatrix, gather?: string): string {
  const rows = (initializer: string, part: string): string =>
    gather ? graph.node(`${path}/${part}`, 'Gather', [initializer, gather]) : initializer
  if (stored.form === 'float') return rows(stored.weights, 'weights')

  const levels = rows(stored.levels, 'levels')
  const signed = stored.form === 'grid4' ? nibbles(graph, path, levels) : levels
  const float = graph.node(`${path}/levels_float`, 'Cast', [signed], to(DataType.FLOAT))
  const scales = graph.node(`${path}/scales`, 'Cast', [rows(stored.scales, 'scales')], to(DataType.FLOAT))
  let value = graph.node(`${path}/scaled`, 'Mul', [float, scales])
  if (stored.form === 'grid4') {
    const minima = graph.node(`${path}/minima`, 'Cast', [rows(stored.minima, 'minima')], to(DataType.FLOAT))
    value = graph.node(`${path}/shifted`, 'Add', [value, minima])
  }
  if (stored.form === 'grid4' || stored.exact) {
    // The checkpoint held bfloat16: the same rounding gives the same weights, bit for bit.
    value = graph.node(`${path}/rounded`, 'Cast', [value], to(DataType.BFLOAT16))
    value = graph.node(`${path}/widened`, 'Cast', [value], to(DataType.FLOAT))
  }
  const flat = graph.node(`${path}/flat`, 'Reshape', [value, graph.ints(0, -1)])
  if (stored.columns % GRID_BLOCK === 0) return flat
  return graph.node(`${path}/unpadded`, 'Slice', [flat, graph.ints(0), graph.ints(stored.columns), graph.ints(1)])
}

/** uint8 `[..., 16]` -> `[..., 32]`: the sixteen low nibbles, then the sixteen high ones. */
function nibbles(graph: GraphBuilder, path: string, packed: string): string {
  const mask = graph.tensor('/constants/uint8/15', DataType.UINT8, [], Uint8Array.of(15))
  const shift = graph.tensor('/constants/uint8/4', DataType.UINT8, [], Uint8Array.of(4))
  const low = graph.node(`${path}/low`, 'BitwiseAnd', [packed, mask])
  const high = graph.node(`${path}/high`, 'BitShift', [packed, shift], {
    attributes: { direction: { string: 'RIGHT' } }
  })
  return graph.node(`${path}/nibbles`, 'Concat', [low, high], { attributes: { axis: { int: -1 } } })
}
