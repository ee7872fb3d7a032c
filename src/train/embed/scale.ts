/** Ratings of data sets, brought to 0..1. */
import type { DataSettings, Scale } from './settings.js'

const CLOSED_UNIT: Scale = [0, 1]
const HELPSTEER = { low: 0, high: 4 }

/**
 * A rating as a label: [low, high] becomes 0..1 linearly (with low above high the other way round); HelpSteer's 0..4
 * becomes (r + 0.5) / 5, 0.1..0.9, as ArmoRM was trained; true and false become 1 and 0.
 * @param scale - left out: 0..1, or true and false
 * @param outOfRange - what becomes of a number outside: an error, or the nearer end
 * @returns the label; or what is wrong with the rating, to follow its name
 */
export function toLabel(
  rating: unknown,
  scale: Scale = CLOSED_UNIT,
  outOfRange: DataSettings['out_of_range'] = 'error'
): number | string {
  if (typeof rating === 'boolean') {
    if (scale === 'boolean' || scale === CLOSED_UNIT) return rating ? 1 : 0
    return 'is true or false, which its scale is not'
  }
  // Parquet's 64-bit integers.
  const value = typeof rating === 'bigint' ? Number(rating) : rating
  if (typeof value !== 'number') return 'is not a number'
  if (!Number.isFinite(value)) return `is ${value}, not a finite number`
  if (scale === 'boolean') return value === 0 || value === 1 ? value : `is ${value}, neither true nor false`
  const [low, high] = scale === 'helpsteer' ? [HELPSTEER.low, HELPSTEER.high] : scale
  const [least, most] = [Math.min(low, high), Math.max(low, high)]
  if (outOfRange === 'error' && (value < least || value > most)) {
    return `is ${value}, outside ${least} to ${most}; data.out_of_range "clip" takes the nearer end`
  }
  const clipped = Math.min(most, Math.max(least, value))
  return scale === 'helpsteer' ? (clipped + 0.5) / 5 : (clipped - low) / (high - low)
}
