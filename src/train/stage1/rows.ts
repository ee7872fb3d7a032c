/** The rated responses, with states and labels. */
import { ArmormError } from '../../errors.js'
import { type EmbeddedRow, LABELS, shards } from '../embedded-set.js'
import { labelsOf, type Objective } from './objectives.js'
import { type Split, splitOf, type SplitRule } from './survey.js'

const STATES = 'response_states'

export interface LabelledRow {
  /** `[hidden]` of the response. */
  readonly state: Float32Array
  /** `[objectives]`, NaN where there is none. */
  readonly labels: Float32Array
}

/** A shard's rows with their labels, of one split at a time. */
export class LabelledShard {
  readonly #rows: readonly (LabelledRow & { readonly split: Split })[]
  readonly #hidden: number

  constructor(rows: readonly (LabelledRow & { readonly split: Split })[], hidden: number) {
    this.#rows = rows
    this.#hidden = hidden
  }

  get size(): number {
    return this.#rows.length
  }

  of(split: Split): readonly LabelledRow[] {
    return this.#rows.filter((row) => row.split === split)
  }

  /** `[rows, hidden]` of a selection. */
  states(selected: readonly LabelledRow[]): Float32Array {
    const states = new Float32Array(selected.length * this.#hidden)
    selected.forEach(({ state }, i) => states.set(state, i * this.#hidden))
    return states
  }
}

/**
 * The ratings with their states, shard by shard.
 * @param columns number of rated objectives
 * @throws ArmormError invalid_data naming a row whose state is not finite
 */
export async function* labelledShards(
  folder: string,
  objectives: readonly Objective[],
  columns: number,
  rule: SplitRule
): AsyncGenerator<LabelledShard> {
  for await (const { rows, tensors } of shards(folder, [STATES, LABELS])) {
    const hidden = tensors[STATES]!.length / rows.length
    yield new LabelledShard(
      rows.map((row, i) => {
        const state = tensors[STATES]!.subarray(i * hidden, (i + 1) * hidden)
        checkFinite(state, row)
        const labels = labelsOf(objectives, row, tensors[LABELS]!.subarray(i * columns, (i + 1) * columns))
        return { split: splitOf(row, rule), state, labels }
      }),
      hidden
    )
  }
}

function checkFinite(state: Float32Array, { place }: EmbeddedRow): void {
  // A sum is finite only if all that it sums is: float32 values cannot overflow float64.
  let sum = 0
  for (const value of state) sum += value
  if (!Number.isFinite(sum)) throw new ArmormError('invalid_data', `the state of ${place} is not finite`)
}
