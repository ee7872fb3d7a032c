/** Charts as inline SVG. Colours of text and lines are those of the page, so that both of its themes can be read. */
import type { Markup } from './html.js'
import { html, number } from './html.js'

export interface Series {
  readonly name: string
  /** In the order of x; a y that is null leaves a gap. */
  readonly points: readonly (readonly [x: number, y: number | null])[]
}

export interface LineChart {
  readonly title: string
  readonly series: readonly Series[]
  readonly logarithmic?: boolean
  /** An x to mark, such as the one chosen. */
  readonly mark?: number
}

const SIZE = { width: 300, height: 170, left: 52, right: 10, top: 24, bottom: 24 }
const COLOURS = ['#3b7dd8', '#d9662b', '#4a9c5d', '#9a5fc0']

/** Evenly spaced round numbers within a range, seven at most. */
export function ticks(low: number, high: number): number[] {
  if (!(high > low)) return [low]
  const raw = (high - low) / 6
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw) ?? 10 * power
  const first = Math.ceil(low / step - 1e-9)
  const count = Math.floor(high / step + 1e-9) - first + 1
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** Powers of ten between two exponents, six at most. */
function powers(left: number, right: number): number[] {
  const first = Math.ceil(left)
  const count = Math.max(0, Math.floor(right) - first + 1)
  const step = Math.ceil(count / 6) || 1
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => 10 ** (first + i * step))
}

export function lineChart({ title, series, logarithmic = false, mark }: LineChart): Markup {
  const points = series.flatMap(({ points }) => points).filter(([, y]) => y !== null) as [number, number][]
  if (points.length === 0) return html``
  const along = (x: number) => (logarithmic ? Math.log10(x) : x)
  const [left, right] = range(points.map(([x]) => along(x)))
  const [low, high] = range(points.map(([, y]) => y))
  const { width, height } = SIZE
  const px = (x: number) => SIZE.left + ((along(x) - left) / (right - left)) * (width - SIZE.left - SIZE.right)
  const py = (y: number) => height - SIZE.bottom - ((y - low) / (high - low)) * (height - SIZE.top - SIZE.bottom)
  const at = (value: number) => value.toFixed(1)
  const yTicks = ticks(low, high).map(
    (y) =>
      html`<line class="grid" x1="${SIZE.left}" x2="${width - SIZE.right}" y1="${at(py(y))}" y2="${at(py(y))}" />
        <text class="tick" x="${SIZE.left - 4}" y="${at(py(y) + 4)}" text-anchor="end">${number(y, 5)}</text>`
  )
  const xs = logarithmic ? powers(left, right) : ticks(left, right)
  const xTicks = xs.map(
    (x) =>
      html`<text class="tick" x="${at(px(x))}" y="${height - 8}" text-anchor="middle"
        >${logarithmic ? `1e${Math.round(Math.log10(x))}` : number(x)}</text
      >`
  )
  const marked =
    mark === undefined
      ? null
      : html`<line
          class="mark"
          x1="${at(px(mark))}"
          x2="${at(px(mark))}"
          y1="${SIZE.top}"
          y2="${height - SIZE.bottom}"
        />`
  const lines = series.map(({ points }, index) => {
    const colour = COLOURS[index % COLOURS.length]!
    // A gap begins a new stroke.
    let drawing = false
    const path = points.map(([x, y]) => {
      if (y === null) {
        drawing = false
        return ''
      }
      const step = `${drawing ? 'L' : 'M'}${at(px(x))} ${at(py(y))}`
      drawing = true
      return step
    })
    const dots = points.filter(([, y]) => y !== null) as [number, number][]
    return html`<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="1.5" />
      ${dots.length <= 60 ? dots.map(([x, y]) => html`<circle cx="${at(px(x))}" cy="${at(py(y))}" r="2" fill="${colour}"><title>${number(x)}: ${number(y, 5)}</title></circle>`) : null}`
  })
  return html`<figure>
    <svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
      <text class="title" x="4" y="14">${title}</text>
      ${yTicks}${xTicks}${marked}${lines}</svg
    >${series.length > 1 ? legend(series) : null}
  </figure>`
}

function legend(series: readonly Series[]): Markup {
  return html`<figcaption>
    ${series.map(({ name }, index) => html`<span style="color:${COLOURS[index % COLOURS.length]!}">■</span> ${name} `)}
  </figcaption>`
}

/** With room at both ends, also where all values are the same. */
function range(values: readonly number[]): [number, number] {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const room = high > low ? (high - low) * 0.05 : Math.max(1e-6, Math.abs(low) * 0.1)
  return [low - room, high + room]
}

export interface HeatMap {
  readonly title: string
  readonly rows: readonly string[]
  readonly columns: readonly string[]
  /** `[rows][columns]`; null where there is none. */
  readonly values: readonly (readonly (number | null)[])[]
  /** Value of the strongest colour; the opposite one is for its negative. */
  readonly most: number
}

const CELL = 18
/** Rough width of a letter in a label. */
const LETTER = 6.2

export function heatMap({ title, rows, columns, values, most }: HeatMap): Markup {
  const longest = (names: readonly string[]) =>
    Math.min(220, 12 + LETTER * Math.max(...names.map(({ length }) => length)))
  const [left, top] = [longest(rows), 20 + longest(columns)]
  const [width, height] = [left + CELL * columns.length + 8, top + CELL * rows.length + 8]
  const cells = rows.flatMap((row, i) =>
    columns.map((column, j) => {
      const value = values[i]?.[j] ?? null
      const label = html`<title>${row} / ${column}: ${value === null ? 'not defined' : number(value, 3)}</title>`
      return html`<rect
        x="${left + CELL * j}"
        y="${top + CELL * i}"
        width="${CELL - 1}"
        height="${CELL - 1}"
        fill="${colour(value, most)}"
        >${label}</rect
      >`
    })
  )
  const rowLabels = rows.map(
    (name, i) =>
      html`<text class="tick" x="${left - 4}" y="${top + CELL * i + 13}" text-anchor="end">${clipped(name)}</text>`
  )
  const columnLabels = columns.map((name, j) => {
    const x = left + CELL * j + 13
    return html`<text class="tick" x="${x}" y="${top - 4}" transform="rotate(-90 ${x} ${top - 4})"
      >${clipped(name)}</text
    >`
  })
  return html`<figure>
    <svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">
      <text class="title" x="4" y="14">${title}</text>
      ${cells}${rowLabels}${columnLabels}
    </svg>
  </figure>`
}

const clipped = (name: string): string => (name.length > 32 ? `${name.slice(0, 31)}…` : name)

/** Blue above 0, orange below, pale at 0; grey for nothing. */
export function colour(value: number | null, most: number): string {
  if (value === null) return '#9a9a9a'
  const strength = Math.min(1, Math.abs(value) / most)
  const [r, g, b] = value >= 0 ? [33, 102, 172] : [202, 98, 28]
  const mixed = [r, g, b].map((end) => Math.round(244 + (end - 244) * strength))
  return `#${mixed.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`
}

/** An interval and its middle on a line from `low` to `high`, with a stroke at `zero`. */
export function interval(
  { low, high, middle }: { low: number; high: number; middle: number },
  scale: { low: number; high: number; zero: number }
): Markup {
  const width = 140
  const x = (value: number) => (3 + ((value - scale.low) / (scale.high - scale.low)) * (width - 6)).toFixed(1)
  return html`<svg viewBox="0 0 ${width} 14" width="${width}" height="14" aria-hidden="true">
    <line class="mark" x1="${x(scale.zero)}" x2="${x(scale.zero)}" y1="0" y2="14" />
    <line x1="${x(low)}" x2="${x(high)}" y1="7" y2="7" stroke="${COLOURS[0]!}" stroke-width="2" />
    <circle cx="${x(middle)}" cy="7" r="3" fill="${COLOURS[0]!}" />
  </svg>`
}
