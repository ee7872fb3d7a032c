/** Rows of data files, as a stream: JSON lines, gzipped or not, and Parquet. The file's name says which. */
import { ArmormError } from '../errors.js'
import { lineRows } from './lines.js'
import { parquetRows } from './parquet.js'

export interface DataRow {
  /** `file:line`, or `file:row` of a Parquet file, counted from 1; for messages. */
  readonly place: string
  readonly value: object
  /** Share of the file that is read by now, 0..1; for progress. */
  readonly done: number
}

/**
 * The rows of a file, in memory that does not grow with their number; empty lines are none.
 * @param path - ends in .parquet, in .gz (JSON lines, gzipped), or in anything else (JSON lines)
 * @throws ArmormError invalid_data naming file and line, and never quoting it
 */
export async function* dataRows(path: string): AsyncGenerator<DataRow> {
  try {
    if (path.endsWith('.parquet')) yield* parquetRows(path)
    else yield* lineRows(path)
  } catch (error) {
    if (error instanceof ArmormError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new ArmormError('invalid_data', `${path} cannot be read (${code ?? message})`, {}, error)
  }
}

/** What an error says of a row. @param error whose message begins with the row's place and a colon */
export function reasonOf({ message }: ArmormError, place: string): string {
  return message.slice(`${place}: `.length)
}
