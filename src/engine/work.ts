/** A batch on its way: tried whole, once more whole, then in halves, until each of its sequences is decided. */
import { ArmormError } from '../errors.js'
import type { EngineSequence, HeadOutputs, OnRunFailure, Outputs, RunOutputs } from './contract.js'
import type { Widths } from './protocol.js'

/** Runs of a whole batch before it is divided. */
const WHOLE_RUNS = 2

/** Sequences of one batch that run together. */
export interface Part<O extends Outputs = HeadOutputs> {
  readonly work: Work<O>
  /** Places in the batch, at least one. */
  readonly rows: readonly number[]
  /** Runs that failed with all of these in them. */
  readonly failures: number
}

/** Why a run of the engine brought no answer. */
export interface RunFailure {
  readonly message: string
  /** The process ended, by itself or because it hung. */
  readonly ended: boolean
}

/** One call of `Engine.run`. */
export class Work<O extends Outputs = HeadOutputs> {
  readonly outputs: Promise<RunOutputs<O>>
  /** Its time says nothing of the engine's speed: it ran more than once, or a restart kept it waiting. */
  interrupted = false
  readonly #batch: readonly EngineSequence[]
  readonly #wanted: (row: number) => boolean
  readonly #widths: Widths<O>
  readonly #answers: { readonly rows: readonly number[]; readonly outputs: O }[] = []
  readonly #refused = new Map<number, ArmormError>()
  #undecided: number
  #resolve!: (outputs: RunOutputs<O>) => void
  #reject!: (error: ArmormError) => void

  /**
   * @param widths - of the outputs
   * @param wanted - whether anybody still waits for a sequence, by its place
   * @param onFailure - told of each run that failed
   */
  constructor(
    batch: readonly EngineSequence[],
    widths: Widths<O>,
    wanted: (row: number) => boolean,
    readonly onFailure?: OnRunFailure
  ) {
    this.#batch = batch
    this.#widths = widths
    this.#wanted = wanted
    this.#undecided = batch.length
    this.outputs = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  whole(): Part<O> {
    return { work: this, rows: [...this.#batch.keys()], failures: 0 }
  }

  sequences({ rows }: Part<O>): readonly EngineSequence[] {
    return rows.map((row) => this.#batch[row]!)
  }

  /** Whether each sequence is decided. */
  get done(): boolean {
    return this.#undecided === 0
  }

  /** The part without those that nobody waits for any more; undefined when none is left. */
  stillWanted(part: Part<O>): Part<O> | undefined {
    const rows = part.rows.filter((row) => this.#wanted(row))
    if (rows.length === part.rows.length) return part
    const left = part.rows.filter((row) => !rows.includes(row))
    const error = new ArmormError('client_closed', 'nobody waited for this conversation when its turn came')
    this.refuse({ ...part, rows: left }, error)
    return rows.length > 0 ? { ...part, rows } : undefined
  }

  /** @param outputs - of the rows of the part */
  answer({ rows }: Part<O>, outputs: O): void {
    this.#answers.push({ rows, outputs })
    this.#undecided -= rows.length
  }

  refuse({ rows }: Part<O>, error: ArmormError): void {
    for (const row of rows) this.#refused.set(row, error)
    this.#undecided -= rows.length
  }

  /**
   * A run of the part failed.
   * @returns what to run next, in order: the whole once more, then halves of what failed. A sequence that failed alone
   * is refused, and nothing is left. Of n sequences each runs at most 2 + log2(n) times, rounded up.
   */
  fail(part: Part<O>, { message, ended }: RunFailure): Part<O>[] {
    const failures = part.failures + 1
    if (failures < WHOLE_RUNS) return [{ ...part, failures }]
    if (part.rows.length > 1) {
      const middle = Math.ceil(part.rows.length / 2)
      return [part.rows.slice(0, middle), part.rows.slice(middle)].map((rows) => ({ ...part, rows, failures }))
    }
    const what = ended ? 'this conversation ended the engine' : 'the engine failed on this conversation'
    this.refuse(part, new ArmormError('engine_failed', `${what}: ${message}; it ran ${failures} times, at last alone`))
    return []
  }

  /** Tells the caller; once all is decided. */
  settle(): void {
    const [first] = this.#answers
    const reasons = new Set(this.#refused.values())
    if (!first && reasons.size === 1) {
      this.#reject([...reasons][0]!)
      return
    }
    const all = first?.rows.length === this.#batch.length ? first.outputs : this.#assembled()
    this.#resolve({
      ...all,
      ...(this.#refused.size > 0 && { refused: this.#refused }),
      ...(this.interrupted && { interrupted: true })
    })
  }

  /** `[N, width]` of the answers of all parts; NaN where there is none. */
  #assembled(): O {
    const gather = (name: keyof O) => {
      const [first] = this.#answers
      const width = first ? (first.outputs[name] as Float32Array).length / first.rows.length : (this.#widths[name] ?? 0)
      const values = new Float32Array(this.#batch.length * width).fill(NaN)
      for (const answer of this.#answers) {
        const found = answer.outputs[name] as Float32Array
        answer.rows.forEach((row, i) => values.set(found.subarray(i * width, (i + 1) * width), row * width))
      }
      return values
    }
    const names = Object.keys(this.#widths) as (keyof O)[]
    return Object.fromEntries(names.map((name) => [name, gather(name)])) as unknown as O
  }
}
