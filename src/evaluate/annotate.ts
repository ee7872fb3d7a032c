/** Rows of a data set, each with what a model says of its conversations, in the order of the rows. */
import type { Bundle } from '../bundle/load.js'
import { ArmormError } from '../errors.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import type { Conversation } from '../text/conversation.js'
import { tryInOrder } from './rate.js'

/** A row and what is to be rated of it. */
export interface AskedRow {
  /** At least one, or why there is none. */
  readonly asked: readonly Conversation[] | ArmormError
}

/** What became of a row: values of all its conversations, or the error of the first that cannot be rated. */
export type RowOutcome = readonly HeadValues[] | ArmormError

/** A row of which some conversations are not decided yet. */
interface Pending<T extends AskedRow> {
  readonly row: T
  readonly values: HeadValues[]
  missing: number
  error: ArmormError | undefined
}

/**
 * Rates the conversations of rows; those of one row are adjacent, so that a prompt they share is computed once. Memory
 * does not grow with the number of rows, whatever is wrong with them.
 * @throws ArmormError what keeps the bundle from being loaded, or the engine from going on; whatever `rows` throws
 */
export async function* annotate<T extends AskedRow>(
  bundle: Bundle,
  rows: AsyncIterable<T>
): AsyncGenerator<{ readonly row: T; readonly outcome: RowOutcome }> {
  const conversations = async function* () {
    for await (const row of rows) {
      const wanted = row.asked instanceof ArmormError ? [row.asked] : row.asked
      const entry: Pending<T> = { row, values: [], missing: wanted.length, error: undefined }
      for (const conversation of wanted) yield { entry, conversation }
    }
  }
  for await (const result of tryInOrder(bundle, conversations())) {
    const { entry } = result.item
    if ('refusal' in result) entry.error ??= result.refusal
    else entry.values.push(result.values)
    if (--entry.missing === 0) yield { row: entry.row, outcome: entry.error ?? entry.values }
  }
}
