/** Whether a command printed what a document shows. */
import type { Block } from './blocks.js'

/** Numbers may differ by this, relative to the larger: kernels of other processors round otherwise. */
const TOLERANCE = 1e-4
/** Smaller differences than this do not count, whatever the numbers are. */
const LEAST = 1e-6
/** Keys whose values are new each time, or depend on what was asked before: they have to be there, of the same type. */
const VOLATILE = /^(explain_id|cached_tokens|created|ms|.+_ms)$/
const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi

const near = (a: number, b: number) =>
  Math.abs(a - b) <= Math.max(LEAST, TOLERANCE * Math.max(Math.abs(a), Math.abs(b)))
const kind = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

/** @returns what is wrong, the first thing only; null when nothing is */
export function difference(shown: Block, printed: string): string | null {
  if (shown.language === 'text') return textDifference(shown, printed)
  let value: unknown
  try {
    value = JSON.parse(printed)
  } catch {
    return `no JSON was printed, but ${printed.slice(0, 500)}`
  }
  return jsonDifference(JSON.parse(shown.text), value, shown.marks.shortened, '')
}

function jsonDifference(shown: unknown, printed: unknown, shortened: boolean, path: string): string | null {
  if (kind(shown) !== kind(printed)) return `${path}: ${kind(printed)} in the place of ${kind(shown)}`
  if (VOLATILE.test(path.split('/').at(-1) ?? '')) return null
  if (Array.isArray(shown)) return arrayDifference(shown, printed as unknown[], shortened, path)
  if (typeof shown === 'object' && shown !== null) {
    const of = printed as Record<string, unknown>
    const surplus = Object.keys(of).find((key) => !(key in shown))
    if (surplus !== undefined && !shortened) return `${path}/${surplus} is not shown`
    for (const [key, value] of Object.entries(shown)) {
      if (!(key in of)) return `${path}/${key} is shown and not printed`
      const found = jsonDifference(value, of[key], shortened, `${path}/${key}`)
      if (found !== null) return found
    }
    return null
  }
  if (typeof shown === 'number' ? near(shown, printed as number) : shown === printed) return null
  return `${path}: ${JSON.stringify(printed)} was printed, ${JSON.stringify(shown)} is shown`
}

function arrayDifference(shown: unknown[], printed: unknown[], shortened: boolean, path: string): string | null {
  if (shown.length === printed.length || !shortened) {
    if (shown.length !== printed.length) return `${path}: ${printed.length} items, ${shown.length} are shown`
    const found = shown.map((value, i) => jsonDifference(value, printed[i], shortened, `${path}/${i}`))
    return found.find((each) => each !== null) ?? null
  }
  // Items are left out: each that is shown is one of those printed, in their order.
  let from = 0
  for (const [i, value] of shown.entries()) {
    const at = printed.findIndex((each, j) => j >= from && jsonDifference(value, each, shortened, '') === null)
    if (at < 0) return `${path}/${i} is none of the ${printed.length} items printed`
    from = at + 1
  }
  return null
}

function textDifference({ text, marks }: Block, printed: string): string | null {
  const lines = (all: string) => all.trimEnd().split('\n')
  const [wanted, got] = [lines(text), lines(printed)]
  let at = 0
  let skips = marks.shortened
  for (const line of wanted) {
    if (line === '...') {
      skips = true
      continue
    }
    const found = got.findIndex((each, i) => i >= at && sameLine(line, each, marks.numbersDiffer))
    if (found < 0 || (!skips && found !== at))
      return `"${line}" is shown; what was printed:\n${got.slice(at).join('\n')}`
    at = found + 1
    skips = marks.shortened
  }
  if (at < got.length && !skips) return `these lines are not shown:\n${got.slice(at).join('\n')}`
  return null
}

/** Words are the same, and numbers near; how wide columns are does not count. */
function sameLine(shown: string, printed: string, anyNumbers: boolean): boolean {
  const words = (line: string) => line.replace(NUMBER, '#').replace(/\s+/g, ' ').trim()
  if (words(shown) !== words(printed)) return false
  const numbers = (line: string) => (line.match(NUMBER) ?? []).map(Number)
  const others = numbers(printed)
  return anyNumbers || numbers(shown).every((number, i) => near(number, others[i] ?? NaN))
}
