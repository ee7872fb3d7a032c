/** Holds values against TypeBox schemas and says what is wrong in terms of JSON pointers. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { ArmormError } from '../errors.js'

export interface Issue {
  /** JSON pointer into the body, or the query's or path's own field. */
  readonly path: string
  readonly message: string
}

/** Pointers hold names that callers chose; they are quoted up to here. */
const LONGEST_POINTER = 256
/** Elements of an array that are looked at to say what is wrong: a microsecond each, on the thread that serves. */
const EXAMINED = 100_000

/** What to send instead, for callers whose body is of another form altogether; a schema's own keyword. */
export const HINT = 'x-hint'

/** @returns what is wrong with a value, the first few things; nothing when it matches. */
export function checker(schema: TSchema): (value: unknown) => Issue[] {
  const compiled = Compile(schema)
  return (value) => {
    if (compiled.Check(value)) return []
    const issues = compiled
      .Errors(examined(value))
      // Each unknown field has an error "boolean" of its own, as its schema is `false`.
      .filter(({ keyword }) => keyword !== 'additionalProperties')
      .map((error) => ({ path: error.instancePath.slice(0, LONGEST_POINTER), message: messageOf(error) }))
    if (issues.length > 0) return issues
    return [{ path: '', message: `an element of an array, after its first ${EXAMINED}, does not match` }]
  }
}

/** The value with its own arrays cut to a length that can be examined. */
function examined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const cut = (field: unknown): unknown => (Array.isArray(field) ? field.slice(0, EXAMINED) : field)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cut(field)]))
}

function messageOf(error: TLocalizedValidationError): string {
  if (error.keyword === 'boolean') return 'unknown field'
  if (error.keyword === 'required') return `must have ${error.params.requiredProperties.join(', ')}`
  if (error.keyword === 'enum') return `must be one of ${error.params.allowedValues.join(', ')}`
  return error.message
}

/** The error that `issues` amount to; `subject` is what they are about, e.g. `the body`. */
export function invalid(subject: string, issues: readonly Issue[]): ArmormError {
  const [first] = issues
  const where = first?.path ? `${first.path} ` : ''
  return new ArmormError('invalid_request', `${subject} does not match the schema: ${where}${first?.message ?? ''}`, {
    issues
  })
}

const SUBJECTS: Readonly<Record<string, string>> = {
  body: 'the body',
  querystring: 'the query',
  params: 'the path',
  headers: 'a header'
}

/** Fastify's hook for compiling a route's schemas. Values are taken as they come, never coerced. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = checker(schema)
  return (value: unknown) => {
    const issues = check(value)
    if (issues.length === 0) return { value }
    const { [HINT]: hint } = schema as { [HINT]?: string }
    const [first, ...others] = issues
    const hinted = hint && first?.path === '' ? [{ ...first, message: `${first.message}; ${hint}` }, ...others] : issues
    return { error: invalid(SUBJECTS[httpPart ?? 'body'] ?? 'the request', hinted) }
  }
}

/** The same, with the body held against another schema than the one that the route documents. */
export function bodyHeldAgainst(body: TSchema): FastifySchemaCompiler<TSchema> {
  return (route) => validatorCompiler(route.httpPart === 'body' ? { ...route, schema: body } : route)
}
