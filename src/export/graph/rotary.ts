/**
 * Rotary position embedding: cosine and sine of every position, as transformers computes them
 * (src/transformers/modeling_rope_utils.py), step by step in float32, because at position 8,000 a float64 angle
 * already differs from a float32 one in the fourth decimal.
 */
import type { ModelConfig } from '../../checkpoint/config.js'
import type { RopeConfig, RopeScaling } from '../../checkpoint/rope.js'
import type { GraphBuilder } from '../onnx/graph-builder.js'
import { DataType } from '../onnx/model.js'

const f32 = Math.fround

/** Inverse frequencies `[headDim / 2]`, scaled as the checkpoint's `rope_scaling` says. */
export function inverseFrequencies(headDim: number, rope: RopeConfig): Float32Array {
  return Float32Array.from({ length: headDim / 2 }, (_, i) =>
    scaled(f32(1 / f32(rope.theta ** f32((2 * i) / headDim))), rope.scaling)
  )
}

function scaled(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === 'none') return frequency
  if (scaling.type === 'linear') return f32(frequency / scaling.factor)
  // llama3: long wavelengths are stretched, short ones kept, those between blended.
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions: original } = scaling
  const wavelength = f32(f32(2 * Math.PI) / frequency)
  if (wavelength < original / highFreqFactor) return frequency
  if (wavelength > original / lowFreqFactor) return f32(frequency / factor)
  const smooth = f32(f32(f32(original / wavelength) - lowFreqFactor) / (highFreqFactor - lowFreqFactor))
  return f32(f32(f32(f32(1 - smooth) * frequency) / factor) + f32(smooth * frequency))
}

/**
 * Cosine and sine caches, float32 `[positions, width]`, width >= headDim / 2: dimensions beyond are padding of the
 * head, and a frequency of zero leaves them as they are. Angles are float32 whatever `type` the tables are given in.
 * ONNX Runtime computes both once, at load.
 *
 *     Range ── Cast ── Reshape ── Mul frequencies ─┬─ Cos
 *                                                  └─ Sin
 */
export function rotaryCaches(
  graph: GraphBuilder,
  { headDim, rope }: Pick<ModelConfig, 'headDim' | 'rope'>,
  positions: number,
  width: number,
  type: DataType
): { cos: string; sin: string } {
  const padded = new Float32Array(width)
  padded.set(inverseFrequencies(headDim, rope))
  const frequencies = graph.tensor('/rotary/frequencies', DataType.FLOAT, [1, width], padded)
  const range = graph.node('/rotary/positions', 'Range', [graph.int(0), graph.int(positions), graph.int(1)])
  const float = graph.node('/rotary/positions', 'Cast', [range], { attributes: { to: { int: DataType.FLOAT } } })
  const column = graph.node('/rotary/positions', 'Reshape', [float, graph.ints(-1, 1)])
  const angles = graph.node('/rotary/angles', 'Mul', [column, frequencies])
  const table = (op: 'Cos' | 'Sin'): string => {
    const values = graph.node('/rotary', op, [angles])
    if (type === DataType.FLOAT) return values
    return graph.node(`/rotary/${op}`, 'Cast', [values], { attributes: { to: { int: type } } })
  }
  return { cos: table('Cos'), sin: table('Sin') }
}
