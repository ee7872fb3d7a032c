import { readFile } from 'node:fs/promises'
import t from 'tap'
import { errorsDocument } from '../scripts/openapi.js'
import { ArmormError, ERRORS } from '../src/errors.js'

t.test('each row has a status that HTTP knows, or none', async (t) => {
  for (const [code, row] of Object.entries(ERRORS)) {
    t.ok(row.status === null || (row.status >= 400 && row.status <= 599), code)
    t.match(code, /^[a-z0-9_]+$/)
  }
})

t.test('an error carries the status of its row', async (t) => {
  t.equal(new ArmormError('too_long', 'x').status, 422)
  t.equal(new ArmormError('self_test_failed', 'x').status, 500)
})

t.test('docs/errors.md has every row (npm run openapi writes it)', async (t) => {
  // Compiled to build/test, two folders below the root.
  const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  t.equal(page, errorsDocument())
  for (const [code, { status, meaning, action }] of Object.entries(ERRORS)) {
    const [, section = ''] = page.split(`### ${code}\n`)
    t.ok(section.includes(meaning) && section.includes(action) && section.includes(`${status ?? 'Exit code 1'}`), code)
  }
})
