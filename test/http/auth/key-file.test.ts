import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { KeyFile } from '../../../src/http/auth/key-file.js'
import { createLogger } from '../../../src/http/logger.js'
import { until } from '../../support/until.js'

const [ONE, TWO] = ['one-one-one-one-1', 'two-two-two-two-2']

function made(t: Test, text: string, mode = 0o600) {
  const path = join(t.testdir({}), 'keys')
  writeFileSync(path, text, { mode })
  const log: string[] = []
  const file = new KeyFile(path, createLogger('info', { write: (line: string) => void log.push(line) }), 10)
  t.teardown(() => file.close())
  return { path, file, log }
}

t.test('a file that changes is read anew; one that breaks leaves the keys as they are', async (t) => {
  const { path, file, log } = made(t, `a:${ONE}`)
  file.watch()
  t.equal(file.ring.nameOf(ONE), 'a')
  writeFileSync(path, `b:${TWO}\nc:${ONE}x`)
  await until(async () => file.ring.nameOf(TWO) === 'b')
  t.equal(file.ring.nameOf(ONE), null)
  writeFileSync(path, `b:${TWO}\nbroken`)
  await until(async () => log.some((line) => line.includes('line 2')))
  t.equal(file.ring.nameOf(TWO), 'b')
  rmSync(path)
  await until(async () => log.some((line) => line.includes('ENOENT')))
  t.equal(file.ring.nameOf(TWO), 'b')
  t.notMatch(log.join(''), new RegExp(`${ONE}|${TWO}|broken`))
})

t.test('a link that is switched to another file is a change', async (t) => {
  const { path, file } = made(t, `a:${ONE}`)
  writeFileSync(`${path}-2`, `b:${TWO}`)
  file.watch()
  symlinkSync(`${path}-2`, `${path}-link`)
  renameSync(`${path}-link`, path)
  await until(async () => file.ring.nameOf(TWO) === 'b')
  t.pass('read through the link')
})

t.test('a file that everybody can read is warned of', async (t) => {
  t.match(made(t, ONE, 0o644).log.join(''), /chmod 600/)
  t.notMatch(made(t, ONE, 0o640).log.join(''), /chmod 600/)
})

t.test('a file that is not there keeps the server from starting', async (t) => {
  const missing = join(t.testdir({}), 'none')
  t.throws(() => new KeyFile(missing, createLogger('silent')), { code: 'invalid_config', message: /none .*ENOENT/ })
})
