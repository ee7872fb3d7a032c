/** Rows of a data set, each with what a model says of its conversations, in the order of the rows. */
import type { Bundle } from '../bundle/load.js'
import { ArmormError } from '../errors.js'
import type { HeadValues } from '../scheduling/rated-sequence.js'
import type { Conversation } from '../text/conversation.js'
import { rateInOrder } from './rate.js'

/** A row and what is to be rated of it. */
export interface AskedRow {
  /** `file:line` */
  readonly place: string
  /** At least one, or why there is none. */
  readonly asked: readonly Conversation[] | ArmormError
}

/** What became of a row: values of all its conversations, or the error of the first that cannot be rated. */
export type RowOutcome = readonly HeadValues[] | ArmormError

interface Pending<T extends AskedRow> {
  readonly row: T
  readonly values: HeadValues[]
  /** Conversations that are not decided yet. */
  missing: number
  error: ArmormError | undefined
}

/**
 * Rates the conversations of rows; those of one row are adjacent, so that a prompt they share is computed once.
 * @throws ArmormError what keeps the bundle from being loaded, or the engine from going on; whatever `rows` throws
 */
export async function* annotate<T extends AskedRow>(
  bundle: Bundle,
  rows: AsyncIterable<T>
): AsyncGenerator<{ readonly row: T; readonly outcome: RowOutcome }> {
  const pending: Pending<T>[] = []
  const conversations = async function* () {
    for await (const row of rows) {
      const { asked, place } = row
      const [wanted, error] = asked instanceof ArmormError ? [[], asked] : [asked, undefined]
      const entry: Pending<T> = { row, values: [], missing: wanted.length, error }
      pending.push(entry)
      for (const conversation of wanted) yield { place, entry, conversation }
    }
  }
  const decided = function* () {
    while (pending[0]?.missing === 0) {
      const { row, values, error } = pending.shift()!
      yield { row, outcome: error ?? values }
    }
  }
  const rated = rateInOrder(bundle, conversations(), ({ entry }, error) => {
    entry.missing--
    entry.error ??= error
  })
  for await (const { item, values } of rated) {
    item.entry.missing--
    item.entry.values.push(values)
    yield* decided()
  }
  yield* decided()
}
