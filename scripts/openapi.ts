/**
 * `npm run openapi`: writes what is generated from the code: openapi/openapi.json, docs/errors.md, docs/metrics.md,
 * the types of clients/typescript, and the alert rules as Kubernetes takes them.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'
import { ERRORS, type ErrorCode } from '../src/errors.js'
import { createApp } from '../src/http/app.js'
import { metricsPage } from './metrics-page.js'
import { prometheusRule } from './prometheus-rule.js'
import { unserved } from './unserved.js'

// Compiled to build/scripts, two folders below the root.
const root = fileURLToPath(new URL('../..', import.meta.url))

const INTRODUCTION = `# Errors

Every error reply has the body

\`\`\`json
{ "error": { "code": "too_long", "message": "...", "details": {} } }
\`\`\`

\`code\` is stable and for programs, \`message\` is for people and may change, \`details\` depends on the code. Where an
error is about one of several inputs, \`details.index\` is its place in \`inputs\` and \`details.response\` its place in
\`responses\`. The same code is the label of \`armorm_errors_total\`. Replies of status 429, 503 and 504 carry \`Retry-After\`, and all but
\`headers_too_large\` and \`request_timeout\`, which come before a request is read, \`X-Request-Id\`, under which the log has
more.

\`on_error: "item"\` in \`POST /score\` puts the error of a conversation in the conversation's place: every code of status
422, \`invalid_request\` for an input of no known form, \`non_finite\` and \`engine_failed\`. Any other error answers the
whole request.

This page is written by \`npm run openapi\` from src/errors.ts.
`

/** docs/errors.md: every code with its status, meaning and action. */
export function errorsDocument(): string {
  const codes = Object.keys(ERRORS) as ErrorCode[]
  const section = (code: ErrorCode) => {
    const { status, meaning, action } = ERRORS[code]
    return `### ${code}\n\n${status === null ? 'Exit code 1' : `Status ${status}`}. ${meaning}\n\nWhat to do: ${action}\n`
  }
  const replies = codes.filter((code) => ERRORS[code].status !== null)
  const startUp = codes.filter((code) => ERRORS[code].status === null)
  return [
    INTRODUCTION,
    '## Replies\n',
    ...replies.map(section),
    '## Start-up and export\n',
    'These end the process with one line on stderr, before it listens.\n',
    ...startUp.map(section)
  ].join('\n')
}

/** openapi/openapi.json: what the routes' schemas amount to, whatever model is served. */
export async function openapiDocument(): Promise<string> {
  const app = await createApp(unserved())
  await app.ready()
  const document = JSON.stringify(app.swagger(), null, 2)
  await app.close()
  return `${document}\n`
}

/** clients/typescript/schema.ts: the document as types. */
export async function clientTypes(document: string): Promise<string> {
  // A field with a default may be left out of a request.
  const types = await openapiTS(document, { defaultNonNullable: false })
  return `/** Types of the server's routes. Written by \`npm run openapi\` from openapi/openapi.json. */\n${astToString(types)}`
}

function write(path: string, text: string): void {
  const file = join(root, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  console.log(`wrote ${path}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const document = await openapiDocument()
  write('openapi/openapi.json', document)
  write('clients/typescript/schema.ts', await clientTypes(document))
  write('docs/errors.md', errorsDocument())
  write('docs/metrics.md', metricsPage())
  write('kubernetes/components/monitoring/prometheus-rule.yaml', prometheusRule())
}
