/** The comparison as text, for a terminal or a log. */
import type { ComparedRow, Tested } from './compare.js'
import { points, signed } from './percent.js'

/**
 * Lines of two tables: all pairs with intervals, then accuracies by category.
 * @param part what the pairs are for, such as `test`
 */
export function comparisonTable(rows: readonly ComparedRow[], part: string, confidence: number): string[] {
  const [first] = rows
  const categories = Object.keys(first!.categories)
  const range = ({ low, high }: Tested): string => `${points(low)} to ${points(high)}`
  const all = rows.map(({ name, all: tested, difference: { difference, low, high } }, i) => {
    const gain = i === 0 ? '' : `${signed(difference)} (${signed(low)} to ${signed(high)})`
    return [name, points(tested.accuracy), range(tested), gain]
  })
  const heading = `accuracy in %, on ${first!.all.pairs} ${part} pairs, ties count half; intervals of ${points(confidence)} % by prompt`
  const lines = [heading, ...aligned([['', 'accuracy', 'interval', `${first!.name} minus it`], ...all])]
  if (categories.length === 0) return lines
  const table = categories.map((category) => [
    category,
    String(first!.categories[category]!.pairs),
    ...rows.map((row) => points(row.categories[category]!.accuracy))
  ])
  return [...lines, '', ...aligned([['', 'pairs', ...rows.map(({ name }) => name)], ...table])]
}

/** Cells under each other, the first column to the left. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  )
}
