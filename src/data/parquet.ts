/** Files in Apache Parquet's format. */
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { DataRow } from './rows.js'

/** Of a row group, decoded, that is decoded at once. */
const PART_BYTES = 128 << 20
/** The columns of a row group are read anew for each part of it: as many parts as rows would take quadratic time. */
const MOST_PARTS = 8

/**
 * Rows of a row group that are decoded at once.
 * @param bytes that it takes decoded
 */
export function partRows(rows: number, bytes: number): number {
  const parts = Math.min(MOST_PARTS, Math.max(1, Math.ceil(bytes / PART_BYTES)))
  return Math.max(1, Math.ceil(rows / parts))
}

export async function* parquetRows(path: string): AsyncGenerator<DataRow> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const total = Number(metadata.num_rows)
  let row = 0
  for (const { num_rows, total_byte_size } of metadata.row_groups) {
    const end = row + Number(num_rows)
    const part = partRows(Number(num_rows), Number(total_byte_size))
    while (row < end) {
      const values = await parquetReadObjects({
        file,
        metadata,
        compressors,
        rowStart: row,
        rowEnd: Math.min(end, row + part)
      })
      for (const value of values) {
        row++
        yield { place: `${path}:${row}`, value, done: row / total }
      }
    }
  }
}
