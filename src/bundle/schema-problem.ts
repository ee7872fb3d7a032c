/** What is wrong with a file of the bundle, in words. */

/** The part of TypeBox's errors that is told. */
interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message: string
}

/** Where the first error is, and what it is. */
export function schemaProblem([first]: readonly SchemaError[]): string {
  // TypeBox reports an unknown key as one whose schema is `false`.
  const what = first?.keyword === 'boolean' ? 'is not a known key' : (first?.message ?? 'does not match the schema')
  return `${first?.instancePath || '/'} ${what}`
}
