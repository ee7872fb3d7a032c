import { spawn } from 'node:child_process'
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LOCK_FILE, withWorkLock } from '../../src/train/work-lock.js'
import { runArmorm } from '../support/server.js'

const inUse = (message: RegExp) => ({ code: 'work_in_use', message })

/** The lock as this process writes it. */
async function ownLock(work: string): Promise<Record<string, unknown>> {
  return withWorkLock(work, true, async () => {
    return JSON.parse(readFileSync(join(work, LOCK_FILE), 'utf8')) as Record<string, unknown>
  })
}

function writeLock(work: string, lock: object | string, minutes = 0): void {
  const path = join(work, LOCK_FILE)
  writeFileSync(path, typeof lock === 'string' ? lock : JSON.stringify(lock))
  const then = Date.now() / 1000 - 60 * minutes
  utimesSync(path, then, then)
}

/** Number of a process that has ended, and of which nobody has asked how. */
async function endedProcess(t: Test): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.teardown(() => child.kill('SIGKILL'))
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await closed
  return child.pid!
}

t.test('one at a time; the folder is free again when the work ends, however it does', async (t) => {
  const work = t.testdir()
  const failure = new Error('no')
  await t.rejects(
    withWorkLock(work, false, async () => {
      await t.rejects(
        withWorkLock(work, false, async () => undefined),
        inUse(new RegExp(`in use by process ${process.pid} on .* remove .*lock\\.json`))
      )
      t.ok(existsSync(join(work, LOCK_FILE)), 'who is refused leaves the lock alone')
      throw failure
    }),
    failure
  )
  t.equal(await withWorkLock(work, false, async () => 7), 7)
  t.notOk(existsSync(join(work, LOCK_FILE)))
})

t.test('a lock whose holder was killed is taken over', async (t) => {
  const work = t.testdir()
  const own = await ownLock(work)
  const pid = await endedProcess(t)
  writeLock(work, { ...own, pid })
  t.equal(await withWorkLock(work, false, async () => 1), 1)
  writeLock(work, { ...own, started: '1' })
  t.equal(await withWorkLock(work, false, async () => 2), 2, 'another process has its number by now')
  await withWorkLock(work, false, async () => writeLock(work, own))
  t.ok(existsSync(join(work, LOCK_FILE)), 'a lock that was taken over meanwhile is not given back')
  writeLock(work, '{"pid":', 1)
  t.equal(await withWorkLock(work, false, async () => 3), 3, 'killed before it had written its name')
  writeLock(work, '')
  await t.rejects(
    withWorkLock(work, false, async () => 4),
    inUse(/in use by another process/)
  )
})

t.test('one of another machine is taken over when it was not touched for long', async (t) => {
  const work = t.testdir()
  const other = { ...(await ownLock(work)), machine: 'elsewhere', pid: await endedProcess(t) }
  writeLock(work, other, 10)
  await t.rejects(
    withWorkLock(work, false, async () => 1),
    inUse(/on elsewhere since/)
  )
  writeLock(work, other, 20)
  t.equal(await withWorkLock(work, false, async () => 1), 1)
})

t.test('of many that find an abandoned lock one gets it', async (t) => {
  const work = t.testdir()
  writeLock(work, { ...(await ownLock(work)), pid: await endedProcess(t) })
  let inside = 0
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () =>
      withWorkLock(work, false, async () => {
        t.equal(++inside, 1)
        await new Promise((resolve) => setTimeout(resolve, 50))
        inside--
      })
    )
  )
  t.ok(results.some(({ status }) => status === 'fulfilled'))
  for (const result of results) if (result.status === 'rejected') t.match(result.reason, { code: 'work_in_use' })
})

t.test('a folder that is not there is made by what may make it only', async (t) => {
  const folder = t.testdir({ file: '' })
  const work = join(folder, 'new')
  await t.rejects(
    withWorkLock(work, false, async () => 1),
    { code: 'invalid_work', message: /new does not exist/ }
  )
  t.notOk(existsSync(work))
  await t.rejects(
    withWorkLock(join(folder, 'file'), true, async () => 1),
    { code: 'invalid_work', message: /cannot be used as work folder \(EEXIST\)/ }
  )
  t.equal(await withWorkLock(work, true, async () => 1), 1)
})

t.test('steps do not run in a folder that is in use', async (t) => {
  const work = t.testdir()
  await withWorkLock(work, false, async () => {
    const { code, stderr } = await runArmorm(t, ['train', 'stage1', '--work', work])
    t.equal(code, 1)
    t.match(stderr, new RegExp(`work_in_use: .* in use by process ${process.pid}`))
  })
  t.match((await runArmorm(t, ['train', 'stage1', '--work', work])).stderr, /holds no embeddings/)
})
