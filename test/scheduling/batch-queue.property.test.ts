import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { Engine, EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import { type BatchInfo, BatchQueue } from '../../src/scheduling/batch-queue.js'
import type { CallerState } from '../../src/scheduling/rated-sequence.js'

type Step =
  | { readonly do: 'ask'; readonly prompt: number; readonly tokens: number; readonly time: number }
  /** The caller of one that was asked for goes away. */
  | { readonly do: 'leave'; readonly which: number }
  | { readonly do: 'end'; readonly fails: boolean }
  | { readonly do: 'pass'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: ask() },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), which: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), fails: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.nat(60) }) }
)

function ask() {
  return fc.record({
    do: fc.constant('ask' as const),
    prompt: fc.nat(3),
    tokens: fc.integer({ min: 2, max: 40 }),
    time: fc.constantFrom(Infinity, 20, 100)
  })
}

interface Caller extends CallerState {
  aborted: boolean
}

interface Asked {
  readonly caller: Caller
  readonly deadline: number
  answers: number
  outcome: unknown
}

const MAX_TOKENS = 60
const MAX_SEQUENCES = 4

/** Plays the steps against a queue, ends what is left, and returns what broke a promise. */
async function play(steps: readonly Step[], targetTokens: number): Promise<string[]> {
  let now = 0
  const broken: string[] = []
  const asked: Asked[] = []
  const ran = new Set<number>()
  const running: { batch: readonly EngineSequence[]; end: (fails: boolean) => void }[] = []
  const engine: Engine = {
    load: async () => {},
    health: () => ({ state: 'ready', restarts: 0 }),
    capacity: () => ({ targetTokens, tokensPerSecond: 1e9 }),
    close: async () => {},
    run: (batch) =>
      new Promise<HeadOutputs>((resolve, reject) => {
        for (const { ids } of batch) {
          const which = ids[ids.length - 1]!
          const { caller, deadline } = asked[which]!
          if (ran.has(which)) broken.push(`${which} runs twice`)
          if (caller.aborted || deadline <= now) broken.push(`${which} runs though nobody wants it`)
          ran.add(which)
        }
        const distinct = new Set(batch.map(({ ids }) => ids[0])).size
        const tokens = distinct + batch.reduce((sum, { ids }) => sum + ids.length - 1, 0)
        if (batch.length > MAX_SEQUENCES) broken.push(`${batch.length} sequences`)
        if (tokens > MAX_TOKENS && batch.length > 1) broken.push(`${tokens} tokens`)
        const score = Float32Array.from(batch, ({ ids }) => ids[ids.length - 1]!)
        const end = (fails: boolean) =>
          fails ? reject(new Error('told to fail')) : resolve({ ratings: score, gating: score, adjusted: score, score })
        running.push({ batch, end })
        if (running.length > 2) broken.push('three batches at a time')
      })
  }
  const reports: BatchInfo[] = []
  const queue = new BatchQueue(engine, {
    objectives: 1,
    maxBatchTokens: MAX_TOKENS,
    maxBatchSequences: MAX_SEQUENCES,
    onBatch: (info) => void reports.push(info),
    now: () => now
  })
  const rate = ({ prompt, tokens, time }: Extract<Step, { do: 'ask' }>): void => {
    const which = asked.length
    const ids = new Int32Array(tokens)
    ids[0] = prompt
    ids[tokens - 1] = which
    const deadline = now + time
    const caller: Caller = { aborted: false, reason: 'gone', deadline }
    const entry: Asked = { caller, deadline, answers: 0, outcome: undefined }
    asked.push(entry)
    queue.rate({ ids, gateIndex: 0 }, caller).then(
      ({ score }) => {
        entry.answers++
        entry.outcome = score
        if (score !== which) broken.push(`${which} got the score of ${score}`)
      },
      (error: unknown) => {
        entry.answers++
        entry.outcome = error
      }
    )
  }
  for (const each of steps) {
    if (each.do === 'ask') rate(each)
    else if (each.do === 'leave')
      for (const { caller } of asked.slice(each.which, each.which + 1)) caller.aborted = true
    else if (each.do === 'end') running.shift()?.end(each.fails)
    else now += each.ms
    await turn()
  }
  for (let i = 0; i < steps.length + 1; i++) {
    running.shift()?.end(false)
    await turn()
  }
  for (const [which, { answers, outcome, caller }] of asked.entries()) {
    if (answers !== 1) broken.push(`${which} has ${answers} answers`)
    const dropped = outcome === 'gone' || (outcome as { code?: string }).code === 'deadline_exceeded'
    if (dropped === ran.has(which)) broken.push(`${which} ran and was dropped, or neither`)
    if (outcome === 'gone' && !caller.aborted) broken.push(`${which} was dropped though its caller waits`)
  }
  const sequences = reports.reduce((sum, report) => sum + report.sequences, 0)
  if (sequences !== ran.size) broken.push(`${ran.size} ran, ${sequences} are reported`)
  if (queue.depth !== 0 || queue.queuedTokens !== 0) broken.push('the queue does not run empty')
  return broken
}

t.test('every sequence is answered once, whatever arrives, leaves, is late or fails', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.constantFrom(5, 30, 60), async (steps, targetTokens) => {
      t.strictSame(await play(steps, targetTokens), [])
    }),
    { numRuns: 300 }
  )
})
