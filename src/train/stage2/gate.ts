/** The gate's tensors: names, shapes, first values. */
import type { Random } from '../../random.js'

export interface GateShape {
  /** Width of the states that the gate reads. */
  readonly hidden: number
  /** Width of its hidden layers. */
  readonly width: number
  /** Hidden layers; the output layer comes on top. */
  readonly layers: number
  readonly objectives: number
}

export interface GateTensor {
  /** As in a checkpoint, without `gating.`. */
  readonly name: string
  /** Weights `[out, in]`, biases `[out]`, `logit_scale` `[1]`. */
  readonly shape: readonly number[]
}

/** Values of all tensors of a gate, by name. */
export type GateWeights = Readonly<Record<string, Float32Array>>

/** The tensors in the order of a checkpoint. */
export function gateTensors({ hidden, width, layers, objectives }: GateShape): GateTensor[] {
  const tensors: GateTensor[] = []
  for (let layer = 0; layer <= layers; layer++) {
    const out = layer === layers ? objectives : width
    tensors.push({ name: `layers.${layer}.weight`, shape: [out, layer === 0 ? hidden : width] })
    tensors.push({ name: `layers.${layer}.bias`, shape: [out] })
  }
  tensors.push({ name: 'logit_scale', shape: [1] })
  return tensors
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** torch.nn.Linear's first values: weights and biases uniform within 1 / sqrt(inputs); the scale as given. */
export function initialGate(shape: GateShape, logitScale: number, random: Random): GateWeights {
  const weights: Record<string, Float32Array> = {}
  let bound = 0
  for (const { name, shape: sizes } of gateTensors(shape)) {
    if (sizes.length === 2) bound = 1 / Math.sqrt(sizes[1]!)
    weights[name] =
      name === 'logit_scale'
        ? Float32Array.of(logitScale)
        : Float32Array.from({ length: sizeOf(sizes) }, () => (2 * random() - 1) * bound)
  }
  return weights
}
