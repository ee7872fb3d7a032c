/** The promises of this folder, on the real engine with a small model. */
import t from 'tap'
import { checkSelfTest, selfTestBatch } from '../../src/bundle/self-test.js'
import type { EngineEvent } from '../../src/engine/supervisor.js'
import { readManifest, tinyBundle } from '../support/bundles.js'
import { engineOver, rowOf, sequence } from '../support/engines.js'
import { until } from '../support/until.js'

/** No row of the embedding table. */
const NO_SUCH_TOKEN = 1_000_000
const batch = [sequence([1, 2, 3]), sequence([4, 5], 1), sequence([1, 2, 7, 8]), sequence([9])]

t.test('a conversation on which the engine fails is refused alone, the others have their rewards', async (t) => {
  const events: EngineEvent[] = []
  const onEvent = (event: EngineEvent) => void events.push(event)
  const engine = engineOver(t, await tinyBundle(t, 'head-dim-20'), { onEvent })
  await engine.load()
  const expected = await engine.run(batch)
  const { refused, ...outputs } = await engine.run([...batch.slice(0, 2), sequence([NO_SUCH_TOKEN]), ...batch.slice(2)])
  t.strictSame([...refused!.keys()], [2])
  t.match(refused!.get(2), { code: 'engine_failed', message: /^the engine failed on this conversation: / })
  for (const [row, place] of [0, 1, 3, 4].entries()) {
    const [found, wanted] = [rowOf(outputs, place), rowOf(expected, row)]
    t.ok(Math.abs(found.score - wanted.score) < 1e-6, `${found.score} for ${wanted.score}`)
    t.equal(found.ratings.length, wanted.ratings.length)
    t.ok(found.ratings.every((rating, k) => Math.abs(rating - wanted.ratings[k]!) < 1e-6))
  }
  t.equal(engine.health().restarts, 0)
  t.equal(events.filter(({ type }) => type === 'bisection').length, 1)
})

t.test('killed again and again while it works: every batch is answered as before', async (t) => {
  const folder = await tinyBundle(t, 'head-dim-20')
  const manifest = readManifest(folder)
  const proof = {
    batch: selfTestBatch(manifest),
    check: (outputs: Parameters<typeof checkSelfTest>[1]) => void checkSelfTest(manifest, outputs)
  }
  const engine = engineOver(t, folder, { proof, objectives: manifest.objectives.length })
  await engine.load()
  const expected = await engine.run(batch)
  for (let kills = 1; kills <= 3; kills++) {
    const runs = [1, 2, 3].map(() => engine.run(batch))
    process.kill(engine.pid!, 'SIGKILL')
    for (const { score, refused } of await Promise.all(runs)) {
      t.equal(refused, undefined)
      t.strictSame(score, expected.score)
    }
    await until(() => engine.health().restarts === kills)
  }
})
