/** The real engine process and its end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { tinyBundle } from '../support/bundles.js'
import { alive, engineOver, sequence } from '../support/engines.js'
import { FIXTURES, ROOT } from '../support/paths.js'

// Its output is a pipe that ends when the last process that holds it does.
for (const work of ['idle', 'run']) {
  t.test(`a server that is killed takes its engine with it, quietly: ${work}`, async (t) => {
    const bundle = await tinyBundle(t, 'head-dim-20')
    const program = join(FIXTURES, 'engine/host.mjs')
    const supervisor = join(ROOT, 'build/src/engine/supervisor.js')
    const host = spawn(process.execPath, [program, supervisor, bundle, work], { stdio: ['ignore', 'pipe', 'pipe'] })
    t.teardown(() => void host.kill('SIGKILL'))
    let stderr = ''
    host.stderr.on('data', (chunk) => (stderr += chunk))
    const [line] = (await once(host.stdout, 'data')) as [Buffer]
    t.ok(alive(Number(line.toString())))
    const closed = once(host, 'close')
    host.kill('SIGKILL')
    await closed
    t.equal(stderr, '')
  })
}

t.test('one that stands in native code ends, too, when its parent is killed', async (t) => {
  const program = join(FIXTURES, 'engine/blocked.mjs')
  const watch = join(ROOT, 'build/src/engine/parent-watch.js')
  const host = spawn(process.execPath, [program, watch], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [line] = (await once(host.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  t.teardown(() => void (alive(pid) && process.kill(pid, 'SIGKILL')))
  t.ok(alive(pid))
  const closed = once(host, 'close')
  host.kill('SIGKILL')
  await closed
})

t.test('signals to the whole group leave the engine to its supervisor', async (t) => {
  const engine = engineOver(t, await tinyBundle(t, 'head-dim-20'))
  await engine.load()
  const { pid } = engine
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid!, signal)
  t.equal((await engine.run([sequence([1, 2, 3])])).score.length, 1)
  t.equal(engine.pid, pid)
  t.equal(engine.health().restarts, 0)
  await engine.close()
  t.notOk(alive(pid!))
})

t.test('measures itself when it is loaded and asked to; with an id and a position that the model has', async (t) => {
  const warmUp = { vocabSize: 16, maxTokens: 32, maxBatchTokens: 256, maxBatchSequences: 8, budgetMs: 500 }
  const engine = engineOver(t, await tinyBundle(t, 'head-dim-20'), { warmUp })
  await engine.load()
  const { targetTokens, tokensPerSecond } = engine.capacity()!
  t.ok(targetTokens >= 16 && targetTokens <= 256 && Number.isInteger(targetTokens), `${targetTokens}`)
  t.ok(tokensPerSecond > 0 && Number.isFinite(tokensPerSecond))
  t.equal((await engine.run([sequence([1, 2, 3])])).score.length, 1)
})
