import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { HeadOutputs } from '../../src/engine/contract.js'
import type { EngineEvent, EngineSupervisor, SupervisorOptions } from '../../src/engine/supervisor.js'
import { alive, engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { until } from '../support/until.js'

/** Commands of the stand-in: first ids of a batch. */
const ANSWER = 0
const DIE = 1
const DIE_ONCE = 2
const FAIL = 3
const FAIL_ONCE = 4
const HOLD = 5
const ANSWER_AND_DIE = 6
const ANSWER_THEN_DIE_IDLE = 7
const HOLD_AND_DIE_ONCE = 8

interface Scripted {
  readonly engine: EngineSupervisor
  readonly events: EngineEvent[]
  /** One batch with a command; its score is command + `value`. */
  readonly run: (command: number, value?: number) => Promise<HeadOutputs>
  /** The stand-in's log so far. */
  readonly log: () => string[]
  /** Lets held runs go. */
  readonly release: () => void
}

function scripted(t: Test, loads: readonly string[] = [], options: Partial<SupervisorOptions> = {}): Scripted {
  const folder = t.testdir({ 'loads.json': JSON.stringify(loads), log: '' })
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const engine = engineOver(t, folder, { program: SCRIPTED_ENGINE, onEvent, ...options })
  return {
    engine,
    events,
    run: (command, value = 1000) => engine.run([sequence([command, value])]),
    log: () => readFileSync(join(folder, 'log'), 'utf8').trim().split('\n'),
    release: () => writeFileSync(join(folder, 'release'), '')
  }
}

const score = async (outputs: Promise<HeadOutputs>) => (await outputs).score[0]

t.test('runs batches, one result row a sequence', async (t) => {
  const { engine } = scripted(t)
  t.strictSame(engine.health(), { state: 'stopped', restarts: 0 })
  const loading = engine.load()
  t.equal(engine.health().state, 'starting')
  await loading
  t.strictSame(engine.health(), { state: 'ready', restarts: 0 })
  const outputs = await engine.run([sequence([ANSWER, 1]), sequence([10, 20, 30])])
  t.strictSame(Object.keys(outputs), ['ratings', 'gating', 'adjusted', 'score'])
  t.strictSame(outputs.score, Float32Array.of(1, 60))
  t.strictSame(outputs.ratings, Float32Array.of(2, 3))
})

t.test('refuses work before it is loaded, and an empty batch', async (t) => {
  const { engine, run } = scripted(t)
  await t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is stopped' })
  const loading = engine.load()
  await t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is starting' })
  await loading
  await t.rejects(engine.run([]), { name: 'RangeError' })
})

t.test('overlapping runs are answered in order, each with its own result', async (t) => {
  const { engine, run } = scripted(t)
  await engine.load()
  const done: number[] = []
  const values = Array.from({ length: 40 }, (_, i) => i)
  const scores = values.map(async (i) => {
    const found = await score(run([ANSWER, DIE_ONCE, FAIL_ONCE][i % 3]!, i * 10))
    done.push(i)
    return found! - [ANSWER, DIE_ONCE, FAIL_ONCE][i % 3]!
  })
  t.strictSame(
    await Promise.all(scores),
    values.map((i) => i * 10)
  )
  t.strictSame(done, values)
  t.equal(engine.health().restarts, 1)
})

t.test('dies in a run: restarted, and the run tried once more', async (t) => {
  const { engine, events, run, log } = scripted(t)
  await engine.load()
  const first = engine.pid
  t.equal(await score(run(DIE_ONCE)), 1002)
  t.not(engine.pid, first)
  t.strictSame(engine.health(), { state: 'ready', restarts: 1 })
  t.strictSame(log(), ['load', 'run 2', 'load', 'run 2'])
  t.strictSame(events, [
    { type: 'fault', reason: 'exit', message: 'its process ended (code 7)' },
    { type: 'restarting', pauseMs: 1 },
    { type: 'restarted', restarts: 1 }
  ])
})

t.test('is killed in a run: the same', async (t) => {
  const { engine, events, run, log, release } = scripted(t)
  await engine.load()
  const held = run(HOLD)
  const behind = run(ANSWER)
  await until(() => log().includes('run 5'))
  process.kill(engine.pid!, 'SIGKILL')
  await until(() => engine.health().restarts === 1)
  release()
  t.strictSame(await Promise.all([score(held), score(behind)]), [1005, 1000])
  t.match(events[0], { type: 'fault', reason: 'signal', message: 'its process ended (SIGKILL)' })
})

t.test('is restarting while it waits to start again, and takes work meanwhile', async (t) => {
  const { engine, run } = scripted(t, [], { backoffMs: 20 })
  await engine.load()
  const twice = run(DIE_ONCE)
  await until(() => engine.health().state === 'restarting')
  t.equal(engine.pid, undefined)
  t.equal(await score(run(ANSWER)), 1000)
  t.equal(await score(twice), 1002)
})

t.test('dies twice on the same work: that work fails, and no other', async (t) => {
  const { engine, run, log } = scripted(t)
  await engine.load()
  const before = run(ANSWER, 1)
  const poison = run(DIE)
  const after = run(ANSWER, 2)
  await t.rejects(poison, {
    code: 'engine_failed',
    message: 'this conversation ended the engine: its process ended (code 7); it ran 2 times, at last alone'
  })
  t.strictSame(await Promise.all([score(before), score(after)]), [1, 2])
  t.equal(log().filter((line) => line === `run ${DIE}`).length, 2)
  t.strictSame(engine.health(), { state: 'ready', restarts: 2 })
})

t.test('fails a run without dying: tried once more in the same process', async (t) => {
  const { engine, run } = scripted(t)
  await engine.load()
  const { pid } = engine
  t.equal(await score(run(FAIL_ONCE)), 1004)
  const fails = run(FAIL)
  const after = run(ANSWER)
  await t.rejects(fails, {
    code: 'engine_failed',
    message: /failed on this conversation: told to fail; it ran 2 times/
  })
  t.equal(await score(after), 1000)
  t.equal(engine.pid, pid)
  t.strictSame(engine.health(), { state: 'ready', restarts: 0 })
})

t.test('answers, and dies before the answer is read: the answer counts', async (t) => {
  const { engine, run, log, events } = scripted(t)
  await engine.load()
  t.equal((await run(ANSWER_AND_DIE)).ratings.length, 1 << 22)
  t.equal(await score(run(ANSWER)), 1000)
  await until(() => events.some(({ type }) => type === 'restarted'))
  t.equal(log().filter((line) => line === `run ${ANSWER_AND_DIE}`).length, 1, 'it ran once')
})

t.test('dies between runs: restarted, the next run is answered', async (t) => {
  const { engine, run, release, events } = scripted(t)
  await engine.load()
  t.equal(await score(run(ANSWER_THEN_DIE_IDLE)), 1007)
  release()
  await until(() => events.some(({ type }) => type === 'restarted'))
  t.strictSame(engine.health(), { state: 'ready', restarts: 1 })
  t.equal(await score(run(ANSWER)), 1000)
})

t.test('is killed between runs, and work comes before that is known', async (t) => {
  const { engine, run } = scripted(t)
  await engine.load()
  process.kill(engine.pid!, 'SIGKILL')
  t.equal(await score(run(ANSWER)), 1000)
  t.equal(engine.health().restarts, 1)
})

t.test('refuses to load: the reason is passed on, and no process stays behind', async (t) => {
  for (const how of ['fail', 'fail and stay']) {
    const { engine, run } = scripted(t, [how])
    const loading = engine.load()
    const pid = engine.pid!
    await t.rejects(loading, {
      name: 'ArmormError',
      code: 'bundle_graph',
      message: 'told to refuse',
      details: { file: 'heads.onnx' }
    })
    t.notOk(alive(pid), how)
    t.equal(engine.pid, undefined)
    t.strictSame(engine.health(), { state: 'failed', restarts: 0 })
    await t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is failed' })
    await engine.close()
  }
})

t.test('dies while it loads', async (t) => {
  const { engine } = scripted(t, ['die'])
  await t.rejects(engine.load(), { code: 'engine_failed', message: /ended while loading \(code 9\)/ })
  t.equal(engine.health().state, 'failed')
})

t.test('a process that cannot be started', async (t) => {
  const { engine } = scripted(t)
  t.intercept(process, 'execPath', { value: join(t.testdirName, 'missing') })
  await t.rejects(engine.load(), { code: 'engine_failed', message: /ENOENT/ })
  await engine.close()
})

t.test('a restart that fails is tried again', async (t) => {
  const { engine, run, log } = scripted(t, ['ok', 'die', 'fail and stay', 'ok'])
  await engine.load()
  t.equal(await score(run(DIE_ONCE)), 1002)
  t.equal(log().filter((line) => line === 'load').length, 4)
  t.strictSame(engine.health(), { state: 'ready', restarts: 1 })
})

t.test('dies right after it has loaded', async (t) => {
  const { engine, run } = scripted(t, ['die soon', 'die soon', 'ok'])
  await engine.load()
  await until(() => engine.health().restarts === 2)
  t.equal(await score(run(ANSWER)), 1000)
})

t.test('gives up after so many restarts in a row, and refuses what waits', async (t) => {
  const { engine, run, events, log } = scripted(t, ['ok', 'die', 'die', 'die', 'ok'], { maxRestarts: 3 })
  await engine.load()
  const refused = { code: 'engine_unavailable', message: 'the engine keeps failing' }
  const inFlight = t.rejects(run(DIE_ONCE), refused)
  const waiting = t.rejects(run(ANSWER), refused)
  await Promise.all([inFlight, waiting])
  t.strictSame(engine.health(), { state: 'failed', restarts: 0 })
  t.equal(log().filter((line) => line === 'load').length, 4)
  t.strictSame(events.at(-1), { type: 'failed', message: 'the engine failed 4 times in a row' })
  await t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is failed' })
})

t.test('one good batch between, and the count begins anew', async (t) => {
  const { engine, run } = scripted(t, [], { maxRestarts: 2 })
  await engine.load()
  for (let i = 0; i < 3; i++) {
    await t.rejects(run(DIE), { code: 'engine_failed' })
    t.equal(await score(run(ANSWER)), 1000)
  }
  t.strictSame(engine.health(), { state: 'ready', restarts: 6 })
})

t.test('close: the run in progress is answered, what waits is refused', async (t) => {
  const { engine, run, log, release } = scripted(t)
  await engine.load()
  const pid = engine.pid!
  const held = run(HOLD)
  const waiting = t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is stopping' })
  await until(() => log().includes('run 5'))
  let closed = 0
  const closing = [engine.close(), engine.close()].map((each) => each.then(() => closed++))
  await waiting
  t.strictSame(engine.health(), { state: 'stopped', restarts: 0 })
  await t.rejects(run(ANSWER), { code: 'engine_unavailable', message: 'the engine is stopped' })
  t.equal(closed, 0, 'neither call of close is done before the run is')
  t.ok(alive(pid))
  release()
  t.equal(await score(held), 1005)
  await Promise.all(closing)
  t.notOk(alive(pid))
  await engine.close()
  await t.rejects(engine.load(), { code: 'engine_unavailable', message: 'the engine is stopped' })
})

t.test('close: a run that dies meanwhile is not tried again', async (t) => {
  const { engine, run, log, release, events } = scripted(t)
  await engine.load()
  const held = t.rejects(run(HOLD_AND_DIE_ONCE), { code: 'engine_unavailable', message: /stopping/ })
  await until(() => log().includes('run 8'))
  const closing = engine.close()
  release()
  await Promise.all([held, closing])
  t.strictSame(log(), ['load', 'run 8'])
  t.strictSame(events, [{ type: 'fault', reason: 'exit', message: 'its process ended (code 7)' }])
  t.equal(engine.health().state, 'stopped')
})

t.test('close while it loads: the process ends at once', async (t) => {
  const { engine, log } = scripted(t, ['hang'])
  const loading = t.rejects(engine.load(), { code: 'engine_unavailable', message: /stopped while it loaded/ })
  const pid = engine.pid!
  await until(() => log().includes('load'))
  await engine.close()
  await loading
  t.notOk(alive(pid))
  t.equal(engine.health().state, 'stopped')
})

t.test('close while it is about to restart, and while it restarts', async (t) => {
  for (const { loads, backoffMs } of [
    { loads: ['ok', 'ok'], backoffMs: 60_000 },
    { loads: ['ok', 'hang'], backoffMs: 1 }
  ]) {
    const { engine, run, log } = scripted(t, loads, { backoffMs })
    await engine.load()
    const refused = t.rejects(run(DIE_ONCE), { code: 'engine_unavailable', message: 'the engine is stopping' })
    await until(() => engine.health().state === 'restarting')
    if (loads[1] === 'hang') await until(() => log().at(-1) === 'load')
    const { pid } = engine
    await engine.close()
    await refused
    t.notOk(pid !== undefined && alive(pid))
    t.strictSame(engine.health(), { state: 'stopped', restarts: 0 })
  }
})

t.test('close before it was loaded', async (t) => {
  const { engine } = scripted(t)
  await engine.close()
  t.equal(engine.health().state, 'stopped')
})

t.test('two batches are in the process; the rest waits outside', async (t) => {
  const { engine, run, log, release } = scripted(t)
  await engine.load()
  const held = run(HOLD)
  const more = [1, 2, 3].map((value) => run(ANSWER, value))
  await until(() => log().includes('run 5'))
  release()
  t.strictSame(await Promise.all([score(held), ...more.map(score)]), [1005, 1, 2, 3])
})

t.test('dies in a run: the batch behind it goes again, and is not to blame', async (t) => {
  const { engine, run, log } = scripted(t)
  await engine.load()
  const poison = [run(DIE), run(DIE)]
  // Behind each of four deaths; two would end it, were it to blame.
  const behind = run(ANSWER)
  for (const each of poison) await t.rejects(each, { code: 'engine_failed' })
  t.equal(await score(behind), 1000)
  t.equal(log().filter((line) => line === 'run 1').length, 4)
  t.equal(log().filter((line) => line === 'run 0').length, 1)
})

t.test('answers come in order, though a batch that failed ran after the one behind it', async (t) => {
  const { engine, run, log } = scripted(t)
  await engine.load()
  const done: string[] = []
  const first = run(FAIL_ONCE).then(() => done.push('first'))
  const second = run(ANSWER).then(() => done.push('second'))
  await Promise.all([first, second])
  t.strictSame(done, ['first', 'second'])
  t.strictSame(log(), ['load', 'run 4', 'run 0', 'run 4'])
})

t.test('close: what is in the process behind the run in progress is refused at once', async (t) => {
  const { engine, run, log, release } = scripted(t)
  await engine.load()
  const held = run(HOLD)
  const behind = t.rejects(run(HOLD), { code: 'engine_unavailable', message: 'the engine is stopping' })
  await until(() => log().includes('run 5'))
  const { pid } = engine
  const closing = engine.close()
  await behind
  release()
  t.equal(await score(held), 1005)
  await closing
  t.notOk(alive(pid!))
})

t.test('is measured at the first load, and not again', async (t) => {
  const warmUp = { vocabSize: 9, maxTokens: 9, maxBatchTokens: 9, maxBatchSequences: 9, budgetMs: 9 }
  const { engine, run } = scripted(t, [], { warmUp })
  t.equal(engine.capacity(), null)
  await engine.load()
  const first = { targetTokens: 1, tokensPerSecond: 100 }
  t.strictSame(engine.capacity(), first)
  t.equal(await score(run(DIE_ONCE)), 1002)
  t.equal(engine.health().restarts, 1)
  t.strictSame(engine.capacity(), first)
  const unmeasured = scripted(t)
  await unmeasured.engine.load()
  t.equal(unmeasured.engine.capacity(), null)
})
