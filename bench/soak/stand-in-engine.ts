/**
 * An engine process that computes nothing: it knows the answers of the bundle's self-test, and gives every other
 * sequence numbers made of its token ids, at once.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, MANIFEST_FILE } from '../../src/bundle/manifest.js'
import type { EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import type { FromEngine, ToEngine } from '../../src/engine/protocol.js'

let manifest: Manifest | undefined

const key = (ids: Iterable<number>, gateIndex: number): string => `${gateIndex} ${[...ids].join(' ')}`

function outputsOf(batch: readonly EngineSequence[], { objectives, self_test: { cases } }: Manifest): HeadOutputs {
  const known = new Map(cases.map((each) => [key(each.input_ids, each.gate_index), each]))
  const k = objectives.length
  const [ratings, gating, adjusted] = [0, 1, 2].map(() => new Float32Array(batch.length * k)) as [
    Float32Array,
    Float32Array,
    Float32Array
  ]
  const score = new Float32Array(batch.length)
  batch.forEach(({ ids, gateIndex }, row) => {
    const tested = known.get(key(ids, gateIndex))
    const hash = ids.reduce((sum, id) => (Math.imul(sum, 31) + id) >>> 0, 7) / 2 ** 32
    score[row] = tested?.score ?? hash
    for (let j = 0; j < k; j++) {
      ratings[row * k + j] = tested?.ratings[j] ?? hash
      gating[row * k + j] = tested?.gating[j] ?? 1 / k
      adjusted[row * k + j] = hash
    }
  })
  return { ratings, gating, adjusted, score }
}

function send(message: FromEngine): void {
  process.send!(message, () => undefined)
}

process.on('message', (message: ToEngine) => {
  if (message.type === 'load') {
    manifest = JSON.parse(readFileSync(join(message.options.folder, MANIFEST_FILE), 'utf8')) as Manifest
    send({ type: 'loaded', capacity: { targetTokens: 8192, tokensPerSecond: 1e6 } })
  } else {
    send({ type: 'result', run: message.run, outputs: outputsOf(message.batch, manifest!) })
  }
})
process.on('disconnect', () => process.exit(0))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
