/** Subgraph: the gated feed-forward layer, down(silu(gate(x)) * up(x)). */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { SafetensorsReader } from '../../checkpoint/safetensors.js'
import { tensorSource } from '../../checkpoint/weights.js'
import type { WeightSink } from '../weights/store.js'
import { linear, type Precision } from './linear.js'

/**
 * float32 `[T, hidden]` -> `[T, hidden]`.
 *
 *     x ─┬─ gate_proj ── QuickGelu(1) ─┬─ Mul ── down_proj
 *        └─ up_proj ───────────────────┘
 *
 * QuickGelu with alpha 1 is silu (y * sigmoid(y)) in one pass.
 */
export async function mlp(
  sink: WeightSink,
  reader: SafetensorsReader,
  config: ModelConfig,
  layer: number,
  precision: Precision,
  x: string
): Promise<string> {
  const path = `/layers.${layer}/mlp`
  const project = (name: string, input: string): Promise<string> => {
    const tensor = (part: string) => tensorSource(reader, `model.layers.${layer}.mlp.${name}.${part}`)
    return linear(
      sink,
      `${path}/${name}`,
      precision,
      input,
      tensor('weight'),
      config.mlpBias ? tensor('bias') : undefined
    )
  }
  const gate = await project('gate_proj', x)
  const up = await project('up_proj', x)
  const silu = sink.graph.node(`${path}/silu`, 'QuickGelu', [gate], {
    domain: 'com.microsoft',
    attributes: { alpha: { float: 1 } }
  })
  return project('down_proj', sink.graph.node(`${path}/gated`, 'Mul', [silu, up]))
}
