/** A run that does not end is ended, and counts as a crash; so does a restart that does not. */
import t, { type Test } from 'tap'
import type { EngineEvent, SupervisorOptions } from '../../src/engine/supervisor.js'
import { loadLimit, runLimit } from '../../src/engine/time-limit.js'
import { engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { fakeEngine, FakeProcess, loads } from '../support/fake-process.js'

const HANG = 14

/** An engine, without processes, that does not answer batches with a HANG; its loads go as `hangs` says. */
function hanging(t: Test, options: Partial<SupervisorOptions> = {}, hangs: boolean[] = []) {
  const events: EngineEvent[] = []
  let last: FakeProcess | undefined
  const start = FakeProcess.starter({
    load(self, done) {
      last = self
      if (!hangs.shift()) loads(self, done)
    },
    run: (self, message, done) => {
      if (message.batch.some(({ ids }) => ids[0] === HANG)) return
      self.answer(message)
      done()
    }
  })
  const engine = fakeEngine({
    start,
    onEvent: (event) => void events.push(event),
    ...options
  })
  t.teardown(() => {
    const closed = engine.close()
    // Its end waits for a run that never ends.
    last?.die(null, 'SIGKILL')
    return closed
  })
  return { engine, events }
}

t.test('a process of its own: ended with SIGKILL, the batch goes again', async (t) => {
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const folder = t.testdir({ log: '' })
  const engine = engineOver(t, folder, { program: SCRIPTED_ENGINE, runTimeoutMs: 2000, onEvent })
  await engine.load()
  const behind = [15, 0].map((command) => engine.run([sequence([command, 1])]))
  t.strictSame(await Promise.all(behind.map(async (each) => (await each).score[0])), [16, 1])
  t.match(events[0], { type: 'fault', reason: 'hang', message: 'it did not answer within 2000 ms' })
  t.equal(engine.health().restarts, 1)
})

t.test('the conversation at which it hangs is refused alone', async (t) => {
  const { engine, events } = hanging(t, { runTimeoutMs: 10 })
  await engine.load()
  const { score, refused } = await engine.run([[0, 1], [HANG], [0, 3], [0, 4]].map((ids) => sequence(ids)))
  t.strictSame(score, Float32Array.of(1, NaN, 3, 4))
  t.match(refused!.get(1)!.message, /^this conversation ended the engine: it did not answer within 10 ms/)
  t.ok(events.every((event) => event.type !== 'fault' || event.reason === 'hang'))
})

t.test('0 is no limit, nor is there one where nothing was measured', async (t) => {
  for (const options of [{ runTimeoutMs: 0 }, {}]) {
    const { engine, events } = hanging(t, options)
    await engine.load()
    const held = engine.run([sequence([HANG])]).catch((error: Error) => error)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.strictSame(events, [])
    t.equal(engine.health().state, 'ready')
    void held
  }
})

t.test('a restart that hangs is ended, and the next one serves', async (t) => {
  const { engine, events } = hanging(t, { runTimeoutMs: 10, reloadTimeoutMs: 10 }, [false, true])
  await engine.load()
  await t.rejects(engine.run([sequence([HANG])]), { code: 'engine_failed' })
  t.equal((await engine.run([sequence([0, 3])])).score[0], 3)
  t.match(
    events.find((event) => event.type === 'fault' && /load/.test(event.message)),
    { reason: 'hang', message: 'the engine did not load within 10 ms' }
  )
})

t.test('the limits: a multiple of what was measured, at least a minute', async (t) => {
  const capacity = { targetTokens: 512, tokensPerSecond: 1000 }
  t.equal(runLimit(undefined, capacity, 10), 60_000)
  t.equal(runLimit(undefined, capacity, 100_000), 2_000_000)
  t.equal(runLimit(undefined, null, 100_000), Infinity)
  t.equal(runLimit(undefined, { targetTokens: 1, tokensPerSecond: 1e-9 }, 1), 2 ** 31 - 1, 'what a timer can hold')
  t.equal(runLimit(0, capacity, 10), Infinity)
  t.equal(runLimit(5, capacity, 10), 5)
  t.equal(loadLimit(10), 60_000)
  t.equal(loadLimit(100_000), 1_000_000)
})
