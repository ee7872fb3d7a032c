/** Subgraph: RMSNorm, alone or with the residual addition before it. */
import type { WeightSource } from '../../checkpoint/weights.js'
import type { WeightSink } from '../weights/store.js'
import { vector } from './linear.js'

/** The first norm of the graph: float32 `[T, hidden]` -> `[T, hidden]`. */
export async function firstNorm(
  sink: WeightSink,
  path: string,
  x: string,
  weight: WeightSource,
  epsilon: number
): Promise<string> {
  return sink.graph.node(path, 'SimplifiedLayerNormalization', [x, await vector(sink, `${path}.weight`, weight)], {
    attributes: { axis: { int: -1 }, epsilon: { float: epsilon }, stash_type: { int: 1 } }
  })
}

/** Adds `delta` to the residual stream and normalizes the sum; both are needed later, the sum not after the last norm. */
export async function skipNorm(
  sink: WeightSink,
  path: string,
  residual: string,
  delta: string,
  weight: WeightSource,
  epsilon: number
): Promise<{ normed: string; residual: string }> {
  const scale = await vector(sink, `${path}.weight`, weight)
  const [normed, sum] = sink.graph.nodes(path, 'SkipSimplifiedLayerNormalization', [residual, delta, scale], {
    domain: 'com.microsoft',
    attributes: { epsilon: { float: epsilon } },
    outputs: [0, 3]
  })
  return { normed: normed!, residual: sum! }
}
