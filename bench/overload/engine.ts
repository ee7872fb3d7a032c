/**
 * A stand-in for the engine process that serves a fixed number of distinct tokens a second, however loaded the machine
 * is. Arguments: that number, and the number of objectives.
 */
import { promptKey } from '../../src/scheduling/prompt-key.js'
import type { FromEngine, ToEngine } from '../../src/engine/protocol.js'
import type { EngineSequence, HeadOutputs } from '../../src/engine/contract.js'

const [rate = 0, objectives = 0] = process.argv.slice(2).map(Number)
/** Distinct tokens from which on a larger batch would be no faster: a tenth of a second. */
const TARGET_TOKENS = Math.ceil(rate / 10)

/** When it is done with what it was given so far: timers that fire late do not slow it down. */
let freeAt = 0

function send(message: FromEngine): void {
  process.send!(message, () => undefined)
}

function distinctTokens(batch: readonly EngineSequence[]): number {
  const prompts = new Set<number>()
  let tokens = 0
  for (const { ids, gateIndex } of batch) {
    const key = promptKey(ids, gateIndex + 1)
    tokens += prompts.has(key) ? ids.length - gateIndex - 1 : ids.length
    prompts.add(key)
  }
  return tokens
}

function outputs(rows: number): HeadOutputs {
  const values = new Float32Array(rows * objectives).fill(0.5)
  return { ratings: values, gating: values, adjusted: values, score: new Float32Array(rows).fill(0.5) }
}

process.on('message', (message: ToEngine) => {
  if (message.type === 'load') {
    return send({ type: 'loaded', capacity: { targetTokens: TARGET_TOKENS, tokensPerSecond: rate } })
  }
  freeAt = Math.max(freeAt, performance.now()) + (1000 * distinctTokens(message.batch)) / rate
  const { run, batch } = message
  setTimeout(() => send({ type: 'result', run, outputs: outputs(batch.length) }), freeAt - performance.now())
})
process.on('disconnect', () => process.exit(0))
