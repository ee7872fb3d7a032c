/** Holds values against TypeBox schemas and says what is wrong in terms of JSON pointers. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { ArmormError } from '../errors.js'

export interface Issue {
  /** JSON pointer into the body, or the query's or path's own field. */
  readonly path: string
  readonly message: string
}

/** Names that callers chose are quoted up to here. */
const LONGEST_NAME = 64

/** @returns what is wrong with a value; nothing when it matches. */
export function checker(schema: TSchema): (value: unknown) => Issue[] {
  const compiled = Compile(schema)
  return (value) => {
    if (compiled.Check(value)) return []
    return (
      compiled
        .Errors(value)
        // "schema is false" repeats what `additionalProperties` says better.
        .filter(({ keyword }) => keyword !== 'boolean')
        .map((error) => {
          const path = error.instancePath.slice(0, 256)
          if (error.keyword === 'additionalProperties') {
            const names = error.params.additionalProperties.map((name) => JSON.stringify(name.slice(0, LONGEST_NAME)))
            return { path, message: `unknown field ${names.join(', ')}` }
          }
          if (error.keyword === 'required') {
            return { path, message: `must have ${error.params.requiredProperties.join(', ')}` }
          }
          if (error.keyword === 'enum') {
            return { path, message: `must be one of ${error.params.allowedValues.join(', ')}` }
          }
          return { path, message: error.message }
        })
    )
  }
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
    return issues.length === 0 ? { value } : { error: invalid(SUBJECTS[httpPart ?? 'body'] ?? 'the request', issues) }
  }
}
