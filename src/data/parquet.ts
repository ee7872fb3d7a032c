/** Files in Apache Parquet's format. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { DataRow } from './rows.js'

/** Rows decoded at once; a row group of more is decoded in parts. */
const ROWS = 4096

export async function* parquetRows(path: string): AsyncGenerator<DataRow> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const total = Number(metadata.num_rows)
  let row = 0
  for (const { num_rows } of metadata.row_groups) {
    const end = row + Number(num_rows)
    while (row < end) {
      const values = await parquetReadObjects({
        file,
        metadata,
        compressors,
        rowStart: row,
        rowEnd: Math.min(end, row + ROWS)
      })
      for (const value of values) {
        row++
        yield { place: `${path}:${row}`, value, done: row / total }
      }
    }
  }
}
