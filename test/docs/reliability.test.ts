import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ENGINE_FAULTS } from '../../src/engine/contract.js'
import { read, tableRows } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

const DOCUMENT = read('docs/reliability.md')
const named = [...DOCUMENT.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)].map(([, path = '']) => path)

t.test('each promise names a test that exists', async (t) => {
  const promises = DOCUMENT.split('\n').filter((line) => /^\| [A-Z`].*\|$/.test(line) && line.includes('. |'))
  t.ok(promises.length >= 12)
  for (const promise of promises) t.match(promise, /\| `test\/[\w/.-]+\.test\.ts` \|$/)
  for (const path of named) t.ok(existsSync(join(ROOT, path)), path)
})

t.test('each suite of promises is named', async (t) => {
  const suites = readdirSync(join(ROOT, 'test/faults')).filter((file) => file.endsWith('.test.ts'))
  for (const suite of suites) t.ok(named.includes(`test/faults/${suite}`), suite)
})

t.test('the reasons of faults are those of the code', async (t) => {
  const reasons = tableRows(DOCUMENT).map(([reason = '']) => reason.replaceAll('`', ''))
  t.strictSame(
    reasons.filter((reason) => /^[a-z_]+$/.test(reason)),
    [...ENGINE_FAULTS]
  )
})
