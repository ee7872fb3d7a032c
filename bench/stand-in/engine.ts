/**
 * An engine process that computes nothing: it knows the answers of the bundle's self-test, and gives every other
 * sequence numbers made of its token ids: at once, or at the rate that STAND_IN_RATE states, however loaded the machine
 * is.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, MANIFEST_FILE } from '../../src/bundle/manifest.js'
import { EngineChannel } from '../../src/engine/channel.js'
import type { EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import type { FromEngine } from '../../src/engine/protocol.js'
import { promptKey } from '../../src/scheduling/prompt-key.js'

/** Distinct tokens a second. */
const RATE = Number(process.env['STAND_IN_RATE'] ?? Infinity)
/** What it says that it measured when it takes no time. */
const UNLIMITED = 1e6
/** Distinct tokens from which on a larger batch would be no faster: a tenth of a second. */
const TARGET_TOKENS = RATE === Infinity ? 8192 : Math.ceil(RATE / 10)

let manifest: Manifest | undefined
/** When it is done with what it was given so far: timers that fire late do not slow it down. */
let freeAt = 0

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

function distinctTokens(batch: readonly EngineSequence[]): number {
  const prompts = new Set<number>()
  let tokens = 0
  for (const { ids, gateIndex } of batch) {
    const prompt = promptKey(ids, gateIndex + 1)
    tokens += prompts.has(prompt) ? ids.length - gateIndex - 1 : ids.length
    prompts.add(prompt)
  }
  return tokens
}

const channel = new EngineChannel()

function send(message: FromEngine): void {
  channel.send(message)
}

channel.on('message', (message) => {
  if (message.type === 'load') {
    manifest = JSON.parse(readFileSync(join(message.options.folder, MANIFEST_FILE), 'utf8')) as Manifest
    return send({
      type: 'loaded',
      capacity: { targetTokens: TARGET_TOKENS, tokensPerSecond: Math.min(RATE, UNLIMITED) }
    })
  }
  const { run, batch } = message
  const answer = () => send({ type: 'result', run, outputs: outputsOf(batch, manifest!) })
  if (RATE === Infinity) return answer()
  freeAt = Math.max(freeAt, performance.now()) + (1000 * distinctTokens(batch)) / RATE
  setTimeout(answer, freeAt - performance.now())
})
channel.on('disconnect', () => process.exit(0))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined)
