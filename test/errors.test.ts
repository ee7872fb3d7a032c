import t from 'tap'
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
