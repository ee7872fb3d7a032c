/** Output tensors: what there is to ask for, and how rewards fill them. */
import { ArmormError } from '../../../errors.js'
import { contributions } from '../../../scoring/explanation.js'
import type { Reward } from '../../../scoring/reward.js'
import { decimal } from '../../../decimal.js'
import type { ContractReward } from '../scoring.js'
import { nameList } from './inputs.js'
import type { InferRequest, ReplyTensor } from './schema.js'

type Filled =
  | { readonly datatype: 'FP32'; readonly read: (item: ContractReward) => ArrayLike<number> }
  | { readonly datatype: 'BOOL'; readonly read: (item: ContractReward) => boolean }
  | { readonly datatype: 'BYTES'; readonly read: (item: ContractReward) => string }

/** `wide`: a row has a number for each objective, in the model's order; else one value. */
export type Output = { readonly name: string; readonly wide: boolean } & Filled

export const OUTPUTS: readonly Output[] = [
  { name: 'reward', datatype: 'FP32', wide: false, read: ({ reward }) => [reward] },
  // The name that NeMo-Aligner reads.
  { name: 'rewards', datatype: 'FP32', wide: false, read: ({ reward }) => [reward] },
  { name: 'score', datatype: 'FP32', wide: false, read: ({ score }) => [score] },
  { name: 'calibrated', datatype: 'FP32', wide: false, read: ({ calibrated }) => [calibrated] },
  { name: 'ratings', datatype: 'FP32', wide: true, read: byObjective(({ ratings }) => ratings) },
  { name: 'gating', datatype: 'FP32', wide: true, read: byObjective(({ gating }) => gating) },
  {
    name: 'contributions',
    datatype: 'FP32',
    wide: true,
    read: byObjective(({ gating, adjusted }) => contributions(gating, adjusted))
  },
  { name: 'truncated', datatype: 'BOOL', wide: false, read: ({ truncated }) => truncated },
  {
    name: 'error',
    datatype: 'BYTES',
    wide: false,
    read: ({ outcome }) => (outcome instanceof ArmormError ? `${outcome.code}: ${outcome.message}` : '')
  }
]

/** Of a conversation that could not be scored: nothing, which becomes zeros. */
function byObjective(read: (reward: Reward) => ArrayLike<number>) {
  return ({ outcome }: ContractReward): ArrayLike<number> => (outcome instanceof ArmormError ? [] : read(outcome))
}

/** An output that was asked for. */
export interface Wanted {
  readonly output: Output
  /** Whether its data go behind the JSON, as bytes. */
  readonly binary: boolean
}

/** @throws ArmormError invalid_request naming the output by its place. */
export function readOutputs({ outputs = [], parameters }: Pick<InferRequest, 'outputs' | 'parameters'>): Wanted[] {
  const binary = parameters?.['binary_data_output'] === true
  if (outputs.length === 0) return OUTPUTS.map((output) => ({ output, binary }))
  const seen = new Set<string>()
  return outputs.map(({ name, parameters: own = {} }, i) => {
    const output = OUTPUTS.find((each) => each.name === name)
    const at = `outputs[${i}]`
    if (!output) {
      const message = `${at} has a name that this model does not know; it has ${nameList(OUTPUTS)}`
      throw new ArmormError('invalid_request', message)
    }
    if (seen.has(name)) throw new ArmormError('invalid_request', `${at}, ${name}, was asked for already`)
    seen.add(name)
    const foreign = ['shared_memory_region', 'classification'].find((key) => own[key])
    if (foreign) throw new ArmormError('invalid_request', `${at}: this server does not know ${foreign}`)
    return { output, binary: 'binary_data' in own ? own['binary_data'] === true : binary }
  })
}

/** Shapes of a reply's tensors: how many conversations, how many objectives, and how single values lie. */
export interface Extent {
  readonly objectives: number
  /** Single values have the shape `[n]`; else `[n, 1]`. */
  readonly flat: boolean
}

/** `data` is `[n]` or `[n * objectives]`, in rows. @throws ArmormError non_finite, beyond what float32 holds. */
export function fill(output: Output, items: readonly ContractReward[], extent: Extent): ReplyTensor {
  const { name, datatype, wide } = output
  const shape = wide ? [items.length, extent.objectives] : extent.flat ? [items.length] : [items.length, 1]
  return { name, datatype, shape, data: valuesOf(output, items, wide ? extent.objectives : 1) }
}

function valuesOf(output: Output, items: readonly ContractReward[], width: number) {
  if (output.datatype === 'BOOL') return items.map(output.read)
  if (output.datatype === 'BYTES') return items.map(output.read)
  return items.flatMap((item) => {
    const row = output.read(item)
    return Array.from({ length: width }, (_, j) => single(row[j] ?? 0))
  })
}

function single(value: number): number {
  if (Number.isFinite(Math.fround(value))) return decimal(value)
  throw new ArmormError('non_finite', 'a reward is beyond what 32 bits hold: lower --score-scale')
}
