/** Accuracies on preference pairs as text, for a terminal or a log. */
import { BOOTSTRAP, type Measured, type Measures, type PairAccuracy } from '../evaluate/accuracy.js'
import { aligned } from '../train/comparison-table.js'
import { points, signed } from '../train/percent.js'

/**
 * @param names of the models, in their order
 * @returns lines
 */
export function accuracyTable(found: PairAccuracy, names: readonly string[]): string[] {
  const { grouped_by: groupedBy, mean_of_sections: ofSections } = found
  const { pairs, prompts } = found.mean_of_pairs
  const rows = [
    ...found.sections.flatMap((section) => block(section.name ?? `(no ${groupedBy})`, section, names)),
    ...(ofSections ? block('all: mean of sections', ofSections, names) : []),
    ...block('all: mean of pairs', found.mean_of_pairs, names)
  ]
  return [
    `accuracy in % on ${pairs} pairs of ${prompts} prompts; ties count half; intervals of ${100 * BOOTSTRAP.confidence} % by prompt`,
    groupedBy ? `sections: by the field \`${groupedBy}\`` : 'sections: none, as no row has section, category or subset',
    ...aligned([['', 'pairs', 'ties', 'accuracy', 'interval', 'minus the first'], ...rows])
  ]
}

function block(name: string, { pairs, models, longer }: Measures, names: readonly string[]): string[][] {
  const row = (label: string, { ties, accuracy, low, high, difference }: Measured) => {
    const gain = difference
      ? `${signed(difference.difference)} (${signed(difference.low)} to ${signed(difference.high)})`
      : ''
    return [`  ${label}`, '', String(ties), points(accuracy), `${points(low)} to ${points(high)}`, gain]
  }
  return [
    [name, String(pairs), '', '', '', ''],
    ...models.map((measured, i) => row(names[i]!, measured)),
    row('longer is better (characters)', longer)
  ]
}
