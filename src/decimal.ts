/**
 * The number with at most 9 significant digits: enough to give every float32 back exactly, and half as long as
 * the digits of its float64.
 */
export function decimal(value: number): number {
  return Number(value.toPrecision(9))
}
