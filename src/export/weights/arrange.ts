/** Re-arranged weight matrices, still streamed: what packing and padding need. */
import type { WeightSource } from '../../checkpoint/weights.js'

/** Several matrices of equal width, one below the other: the packed projections of attention. */
export function stackRows(sources: readonly WeightSource[]): WeightSource {
  const columns = sources[0]!.columns
  const rows = sources.reduce((sum, source) => sum + source.rows, 0)
  return {
    rows,
    columns,
    async read(first, count) {
      const block = new Float32Array(count * columns)
      let start = 0
      for (const source of sources) {
        const from = Math.max(first, start)
        const to = Math.min(first + count, start + source.rows)
        if (from < to) block.set(await source.read(from - start, to - from), (from - first) * columns)
        start += source.rows
      }
      return block
    }
  }
}

/** Where row `index` of a padded matrix comes from in the original; -1 is a row of zeros. */
export type IndexMap = (index: number) => number

/** Rows re-ordered and padded with zeros; rows that stay neighbours are read together. */
export function mapRows(source: WeightSource, rows: number, map: IndexMap): WeightSource {
  const { columns } = source
  return {
    rows,
    columns,
    async read(first, count) {
      const block = new Float32Array(count * columns)
      for (let offset = 0; offset < count;) {
        const start = map(first + offset)
        let run = 1
        while (offset + run < count && map(first + offset + run) === (start < 0 ? -1 : start + run)) run++
        if (start >= 0) block.set(await source.read(start, run), offset * columns)
        offset += run
      }
      return block
    }
  }
}

/** Columns re-ordered and padded with zeros. */
export function mapColumns(source: WeightSource, columns: number, map: IndexMap): WeightSource {
  const from = Int32Array.from({ length: columns }, (_, index) => map(index))
  return {
    rows: source.rows,
    columns,
    async read(first, count) {
      const original = await source.read(first, count)
      const block = new Float32Array(count * columns)
      for (let row = 0; row < count; row++) {
        for (let column = 0; column < columns; column++) {
          const index = from[column]!
          if (index >= 0) block[row * columns + column] = original[row * source.columns + index]!
        }
      }
      return block
    }
  }
}
