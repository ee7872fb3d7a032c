import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { BenchConversation, Work } from '../../bench/contestants/contestant.js'
import { EngineAlone, planBatches } from '../../bench/contestants/engine.js'
import { PyTorch } from '../../bench/contestants/pytorch.js'
import { redoChecksums, tinyBundle } from '../support/bundles.js'
import { until } from '../support/until.js'

/** Processes that this one started and that have not ended. */
const children = () => process.getActiveResourcesInfo().filter((kind) => kind === 'ProcessWrap').length

const conversation = (ids: number[], gateIndex: number): BenchConversation => ({
  messages: [],
  ids: Int32Array.from(ids),
  gateIndex,
  promptTokens: gateIndex + 1
})

t.test('scores come back in the order of the conversations, whatever the batches', async (t) => {
  const engine = await EngineAlone.start(await tinyBundle(t, 'odd-heads-shards'), 1)
  t.teardown(() => engine.close())
  const work: Work = {
    load: 'made',
    groups: [
      [conversation([1, 2, 3, 4, 5, 6, 7, 8], 2), conversation([1, 2, 3, 9], 2)],
      [conversation([4, 5], 0)],
      [conversation([6, 7, 8], 1), conversation([6, 7, 9, 10], 1)]
    ]
  }
  const conversations = work.groups.flat()
  const alone: number[] = []
  for (const each of conversations) {
    const { score, seconds } = await engine.single(each)
    t.ok(seconds > 0)
    alone.push(score)
  }
  t.equal(new Set(alone).size, alone.length)
  t.notSame(planBatches(work.groups, 1024).flat(), [0, 1, 2, 3, 4], 'in a batch they stand in another order')
  for (const thorough of [true, false]) {
    t.match(await engine.prepare(work, thorough), /^(one by one|batches of up to \d+ tokens, )/)
    const { scores, seconds, cpuSeconds } = await engine.score(work)
    t.ok(seconds > 0 && cpuSeconds !== null && cpuSeconds > 0)
    t.equal(scores.length, alone.length)
    for (const [i, score] of scores.entries()) t.ok(Math.abs(score - alone[i]!) <= 1e-6, `conversation ${i}`)
  }
})

t.test('a contestant that does not start leaves no process behind', async (t) => {
  const folder = await tinyBundle(t, 'odd-heads-shards')
  await t.rejects(EngineAlone.start(join(folder, 'none'), 1), { code: 'bundle_missing' })
  writeFileSync(join(folder, 'backbone.onnx'), 'no graph')
  await redoChecksums(folder)
  await t.rejects(EngineAlone.start(folder, 1), { message: /^backbone\.onnx / })
  // A program that is no Python, and prints what is no answer; it would go on for long.
  const python = join(t.testdir({ python: '#!/bin/sh\necho no answer\nexec sleep 600\n' }), 'python')
  chmodSync(python, 0o755)
  await t.rejects(PyTorch.start(python, folder, 1), SyntaxError)
  await until(() => children() === 0)
})
