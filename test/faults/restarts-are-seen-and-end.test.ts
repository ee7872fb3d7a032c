/** While the engine restarts the server says so; pauses grow; what never comes back ends the server, with a code. */
import { cpSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { EngineEvent } from '../../src/engine/supervisor.js'
import { tinyBundle } from '../support/bundles.js'
import { engineOver, SCRIPTED_ENGINE, sequence } from '../support/engines.js'
import { fakeEngine, FakeProcess, loads } from '../support/fake-process.js'
import { childrenOf, startServer } from '../support/server.js'
import { until } from '../support/until.js'

t.test('pauses double from restart to restart, and begin anew after an answer', async (t) => {
  const events: EngineEvent[] = []
  let [dies, loadsToFail] = [0, 0]
  const engine = fakeEngine({
    backoffMs: 1,
    onEvent: (event) => void events.push(event),
    start: FakeProcess.starter({
      load: (self, done) => (loadsToFail-- > 0 ? self.die(9) : loads(self, done)),
      run(self, message, done) {
        if (dies-- > 0) return self.die(7)
        self.answer(message)
        done()
      }
    })
  })
  t.teardown(() => engine.close())
  await engine.load()
  const pauses = async () => {
    ;[dies, loadsToFail, events.length] = [1, 3, 0]
    await engine.run([sequence([1])])
    return events.flatMap((event) => (event.type === 'restarting' ? [event.pauseMs] : []))
  }
  t.strictSame(await pauses(), [1, 2, 4, 8])
  t.strictSame(await pauses(), [1, 2, 4, 8])
  const reasons = events.flatMap((event) => (event.type === 'fault' ? [event.reason] : []))
  t.strictSame(reasons, ['exit', 'load_failed', 'load_failed', 'load_failed'])
})

t.test('one that ends in the moment in which it has loaded is started again', async (t) => {
  let loaded = 0
  const engine = fakeEngine({
    start: FakeProcess.starter({
      load(self, done) {
        if (++loaded > 3) return loads(self, done)
        // All of it is known in one turn of the event loop.
        self.emit('message', { type: 'loaded', capacity: null })
        self.connected = false
        self.exitCode = 9
        self.emit('exit', 9, null)
      },
      run(self, message, done) {
        self.answer(message)
        done()
      }
    })
  })
  t.teardown(() => engine.close())
  await engine.load()
  t.equal(engine.health().state, 'restarting')
  t.equal((await engine.run([sequence([4])])).score[0], 4)
  t.strictSame(engine.health(), { state: 'ready', restarts: 1 })
})

t.test('it knows when it will be back: after the pause, and what its start before took', async (t) => {
  let deaths = 0
  const engine = fakeEngine({
    backoffMs: 10_000,
    start: FakeProcess.starter({
      load: (self, done) => void setTimeout(() => loads(self, done), 30),
      run: (self) => self.die(++deaths)
    })
  })
  t.teardown(() => engine.close())
  await engine.load()
  t.equal(engine.health().returnsInMs, undefined)
  engine.run([sequence([1])]).catch(() => undefined)
  await until(() => engine.health().state === 'restarting')
  const returnsIn = engine.health().returnsInMs!
  t.ok(returnsIn > 5000, 'most of the pause is still to come')
  await until(() => engine.health().returnsInMs! < returnsIn)
})

t.test('an engine that computes something else after a restart gets no work', async (t) => {
  const folder = t.testdir({ 'loads.json': JSON.stringify(['ok', 'another model', 'ok']), log: '' })
  const events: EngineEvent[] = []
  const check = ({ score }: { score: Float32Array }) => {
    if (score[0] !== 5) throw new Error(`score ${score[0]}`)
  }
  const engine = engineOver(t, folder, {
    program: SCRIPTED_ENGINE,
    proof: { batch: [sequence([0, 5])], check },
    onEvent: (event) => void events.push(event)
  })
  await engine.load()
  t.equal((await engine.run([sequence([2, 1])])).score[0], 3)
  t.strictSame(
    events.flatMap((event) => (event.type === 'fault' ? [[event.reason, event.message]] : [])),
    [
      ['exit', 'its process ended (code 7)'],
      ['self_test', 'the engine failed the self-test: score 6']
    ]
  )
})

const skip = !existsSync('/proc/self/stat') && 'needs /proc to find the engine process'

t.test('over HTTP: ready, restarting, ready again, given up', { skip }, async (t) => {
  const bundle = await tinyBundle(t, 'one-objective')
  const copy = join(t.testdirName, 'copy')
  cpSync(bundle, copy, { recursive: true })
  const server = await startServer(t, ['--model', copy])
  const ready = async () => (await server.get('/readyz')).status
  const score = (id: number) => server.post('/score', { inputs: [{ input_ids: [1, 2, id] }] })
  const kill = () => process.kill(childrenOf(server.pid)[0]!, 'SIGKILL')
  t.equal(await ready(), 200)
  kill()
  await until(async () => (await ready()) === 503)
  t.equal((await server.get('/livez')).status, 200)
  t.equal((await score(3)).status, 200, 'work waits for the restart')
  await until(async () => (await ready()) === 200)
  t.equal(await server.metric('armorm_engine_faults_total{reason="signal"}'), 1)

  rmSync(join(copy, 'heads.onnx'))
  writeFileSync(join(copy, 'heads.onnx'), 'not a graph')
  kill()
  await until(async () => (await ready()) === 503)
  const waiting = score(4)
  await until(async () => (await server.metric('armorm_engine_faults_total{reason="load_failed"}')) > 0)
  const { status, text } = await waiting
  t.equal(status, 503, 'who waits is told')
  t.match(JSON.parse(text), { error: { code: 'engine_unavailable' } })
  const { code, stdout } = await server.exit
  t.equal(code, 1)
  t.match(stdout, /the engine failed 6 times in a row/)
})
