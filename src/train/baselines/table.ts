/** The comparison as text, for a terminal or a log. */
import type { BaselineRow, Tested } from './result.js'

const percent = (share: number): string => (100 * share).toFixed(1)
const signed = (share: number): string => `${share < 0 ? '' : '+'}${percent(share)}`

/** Lines of two tables: all test pairs with intervals, then accuracies by category. */
export function baselinesTable(rows: readonly BaselineRow[], confidence: number): string[] {
  const [gate] = rows
  const categories = Object.keys(gate!.categories)
  const range = ({ low, high }: Tested): string => `${percent(low)} to ${percent(high)}`
  const all = rows.map(({ name, all: tested }, i) => {
    const { difference, low, high } = tested.difference
    const gain = i === 0 ? '' : `${signed(difference)} (${signed(low)} to ${signed(high)})`
    return [name, percent(tested.accuracy), range(tested), gain]
  })
  const heading = `accuracy in %, on ${gate!.all.pairs} test pairs, ties count half; intervals of ${percent(confidence)} % by prompt`
  const lines = [heading, ...aligned([['', 'accuracy', 'interval', 'gating minus it'], ...all])]
  if (categories.length === 0) return lines
  const table = categories.map((category) => [
    category,
    String(gate!.categories[category]!.pairs),
    ...rows.map((row) => percent(row.categories[category]!.accuracy))
  ])
  return [...lines, '', ...aligned([['', 'pairs', ...rows.map(({ name }) => name)], ...table])]
}

/** Cells under each other, the first column to the left. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd()
  )
}
