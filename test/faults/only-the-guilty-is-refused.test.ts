/** Of a batch that ends the engine, the conversation that does it is refused, and every other one is answered. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { EngineSequence, RunOutputs } from '../../src/engine/contract.js'
import { rewardForm } from '../../src/engine/protocol.js'
import type { EngineEvent, SupervisorOptions } from '../../src/engine/supervisor.js'
import { type Part, Work } from '../../src/engine/work.js'
import { engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { fakeEngine, FakeProcess, loads, outputsOf } from '../support/fake-process.js'

const batchOf = (size: number): EngineSequence[] => Array.from({ length: size }, (_, i) => sequence([0, i]))

/** Plays a batch against an engine that fails whenever `guilty` is among what runs. */
async function play(size: number, guilty: ReadonlySet<number>, gone: ReadonlySet<number> = new Set()) {
  const batch = batchOf(size)
  const runs = new Array<number>(size).fill(0)
  const answered = new Array<number>(size).fill(0)
  let tried = false
  const work = new Work(batch, rewardForm().widths, (row) => !(tried && gone.has(row)))
  const open: Part[] = [work.whole()]
  while (open.length > 0) {
    const next = open.shift()!
    const part = work.stillWanted(next)
    if (!part) continue
    tried = true
    for (const row of part.rows) runs[row]! += 1
    if (part.rows.some((row) => guilty.has(row))) {
      open.unshift(...work.fail(part, { message: 'its process ended (code 7)', ended: true }))
    } else {
      for (const row of part.rows) answered[row]! += 1
      work.answer(part, outputsOf(work.sequences(part)))
    }
  }
  const { done } = work
  work.settle()
  const outputs = await work.outputs.catch((error: unknown) => error as Error)
  return { done, runs, answered, outputs }
}

const size = fc.integer({ min: 1, max: 70 })
const some = fc.uniqueArray(fc.nat(69), { maxLength: 5 }).map((rows) => new Set(rows))

t.test('an innocent one is answered once, with its own numbers, after at most 2 + log2(n) runs', async (t) => {
  let most = 0
  await fc.assert(
    fc.asyncProperty(size, some, async (size, guilty) => {
      const { done, runs, answered, outputs } = await play(size, guilty)
      const bound = 2 + Math.ceil(Math.log2(size))
      if (!done) return false
      most = Math.max(most, ...runs)
      const all = [...runs.keys()]
      if (!all.every((row) => answered[row] === (guilty.has(row) ? 0 : 1) && runs[row]! <= bound)) return false
      if (outputs instanceof Error) return all.every((row) => guilty.has(row))
      const { score, refused } = outputs
      return all.every((row) =>
        guilty.has(row) ? refused?.has(row) === true : score[row] === row && !refused?.has(row)
      )
    }),
    { numRuns: 500 }
  )
  t.ok(most >= 5, `${most} runs of one sequence at most`)
})

t.test('what nobody waits for any more is not run again, and all is decided', async () => {
  await fc.assert(
    fc.asyncProperty(size, some, some, async (size, guilty, gone) => {
      const { done, runs, answered } = await play(size, guilty, gone)
      const failed = runs.some((_, row) => guilty.has(row))
      return (
        done &&
        runs.every((count, row) => !gone.has(row) || count === 1) &&
        runs.every((_, row) => guilty.has(row) || (failed && gone.has(row)) || answered[row] === 1)
      )
    }),
    { numRuns: 300 }
  )
})

const COMMANDS = { exit: 1, abort: 11, 'out of memory': 12, 'a run that fails': 3, 'a reply that is none': 17 }

function scripted(t: Test, options: Partial<SupervisorOptions> = {}) {
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const folder = t.testdir({ log: '' })
  return { events, engine: engineOver(t, folder, { program: SCRIPTED_ENGINE, onEvent, ...options }) }
}

for (const [how, command] of Object.entries(COMMANDS)) {
  t.test(`a process of its own: ${how}`, async (t) => {
    const { engine, events } = scripted(t)
    await engine.load()
    const batch = [sequence([0, 1]), sequence([0, 2]), sequence([command, 9]), sequence([0, 4])]
    const behind = engine.run([sequence([0, 5])])
    const { score, refused, interrupted } = await engine.run(batch)
    t.strictSame([...refused!.keys()], [2])
    const ends = command !== 3 && command !== 17
    t.match(refused!.get(2), {
      code: 'engine_failed',
      message: ends ? /^this conversation ended the engine: / : /^the engine failed on this conversation: /
    })
    t.match(refused!.get(2)!.message, /it ran 4 times, at last alone$/)
    t.strictSame(score, Float32Array.of(1, 2, NaN, 4))
    t.equal(interrupted, true)
    t.equal((await behind).score[0], 5)
    t.equal(events.filter(({ type }) => type === 'bisection').length, 1)
    t.equal(events.filter(({ type }) => type === 'fault').length, 4)
    t.equal(engine.health().restarts, ends ? 4 : 0)
  })
}

t.test('a channel that is closed: the process is ended, the batch goes again', async (t) => {
  const { engine, events } = scripted(t)
  await engine.load()
  t.strictSame((await engine.run([sequence([13, 1]), sequence([0, 2])])).score, Float32Array.of(14, 2))
  t.match(events[0], { type: 'fault', reason: 'channel', message: 'it closed its channel' })
})

t.test('a batch that only fails together is answered in parts', async (t) => {
  const { engine } = scripted(t)
  await engine.load()
  const { score, refused } = await engine.run([sequence([21, 1]), sequence([21, 2]), sequence([21, 3])])
  t.strictSame(score, Float32Array.of(22, 23, 24))
  t.equal(refused, undefined)
})

const GUILTY = 1

/** An engine, without processes, that dies of each sequence that begins with GUILTY. */
function dying(t: Test, proof: boolean, options: Partial<SupervisorOptions> = {}) {
  let broken = false
  const start = FakeProcess.starter({
    load: loads,
    run: (self, message, done) => {
      if (broken || message.batch.some(({ ids }) => ids[0] === GUILTY)) return self.die(7)
      self.answer(message)
      done()
    }
  })
  const engine = fakeEngine({
    start,
    ...(proof && { proof: { batch: [sequence([0, 1])], check: () => undefined } }),
    ...options
  })
  t.teardown(() => engine.close())
  return { engine, break: () => (broken = true) }
}

t.test('no number of conversations that end the engine in a row ends the server', async (t) => {
  const { engine } = dying(t, true)
  await engine.load()
  for (let i = 0; i < 20; i++) await t.rejects(engine.run([sequence([GUILTY, i])]), { code: 'engine_failed' })
  const batch = batchOf(64).with(0, sequence([GUILTY, 0]))
  const { refused } = await engine.run(batch)
  t.strictSame([...refused!.keys()], [0], 'found after eight deaths without one answer between')
  const all = await engine.run([sequence([GUILTY]), sequence([GUILTY])])
  t.match([...all.refused!.values()], [{ code: 'engine_failed' }, { code: 'engine_failed' }])
  t.equal((await engine.run([sequence([0, 3])])).score[0], 3)
})

t.test('an engine that can run nothing is given up', async (t) => {
  for (const proof of [true, false]) {
    const events: EngineEvent[] = []
    const { engine, break: breakIt } = dying(t, proof, { onEvent: (event) => void events.push(event) })
    await engine.load()
    t.equal((await engine.run([sequence([0, 3])])).score[0], 3)
    breakIt()
    const runs: Promise<RunOutputs | Error>[] = batchOf(20).map((each) => engine.run([each]).catch((e: Error) => e))
    for (const outcome of await Promise.all(runs)) t.match(outcome, { code: /^engine_(failed|unavailable)$/ })
    t.equal(engine.health().state, 'failed')
    t.match(events.at(-1), { type: 'failed' })
    if (proof) t.ok(events.some((event) => event.type === 'fault' && event.reason === 'self_test'))
  }
})
