/** JSON of which every number is a float in Python. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/**
 * As JSON.stringify, but 1 becomes `1.0`: a list of whole numbers alone would become a tensor of integers in clients
 * that go on to take its mean.
 * @param value - every number finite.
 */
export function floatJson(value: Json): string {
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(floatJson).join(',')}]`
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}:${floatJson(field)}`)
  return `{${fields.join(',')}}`
}

/** The same of a reply whose `errors` or `error`, at its end, stay as they are. */
export function floatReply(reply: unknown): string {
  const { errors, error, ...numbers } = reply as { readonly [key: string]: Json }
  const text = floatJson(numbers)
  const rest = JSON.stringify({ errors, error })
  return rest === '{}' ? text : `${text.slice(0, -1)},${rest.slice(1)}`
}

function isList(value: readonly Json[] | object): value is readonly Json[] {
  return Array.isArray(value)
}
