/** HTML whose texts are escaped unless they are markup made here: names in a report come from data. */

export class Markup {
  constructor(readonly text: string) {}
}

type Part = string | number | Markup | readonly Part[] | null

/** Text within elements and quoted attributes. */
export function escape(text: string): string {
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')
}

function written(part: Part): string {
  if (part === null) return ''
  if (part instanceof Markup) return part.text
  if (typeof part === 'object') return part.map(written).join('')
  return escape(String(part))
}

/** A template of markup; what is put in is escaped, but for markup itself. Null is nothing, a list its parts. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  // Indentation is the source's, not the page's.
  return new Markup(
    strings.map((text, i) => text.replace(/\n\s+/g, '\n') + (i < parts.length ? written(parts[i]!) : '')).join('')
  )
}

/** @param numeric columns, from 0, that are set to the right */
export function table(
  header: readonly Part[],
  rows: readonly (readonly Part[])[],
  numeric: readonly number[] = []
): Markup {
  const cell = (tag: 'th' | 'td') => (part: Part, column: number) =>
    new Markup(`<${tag}${numeric.includes(column) ? ' class="n"' : ''}>${written(part)}</${tag}>`)
  return html`<div class="wide">
    <table>
      <thead>
        <tr>
          ${header.map(cell('th'))}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell('td'))}
            </tr> `
        )}
      </tbody>
    </table>
  </div>`
}

/** At most so many digits after the point; an empty cell for nothing. */
export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return ''
  return Math.abs(value) >= 1e6 || (value !== 0 && Math.abs(value) < 10 ** -digits)
    ? value.toExponential(2)
    : String(Number(value.toFixed(digits)))
}
