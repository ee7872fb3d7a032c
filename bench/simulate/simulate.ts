/** Discrete-event simulation: trainers send conversations to GPUs, each with a queue of its own. */
import type { Waiting } from '../../src/scheduling/plan-batch.js'
import type { BatchWork } from '../../src/plan/batch-cost.js'
import { EventQueue } from './event-queue.js'
import type { Policy } from './policies.js'
import type { Conversation, Trainer } from './traffic.js'

export interface SimulationOptions {
  readonly trainers: readonly Trainer[]
  readonly gpus: number
  readonly policy: Policy
  readonly batchMs: (work: BatchWork) => number
  /** Milliseconds in which sets are sent; what was sent by then is answered to the end. */
  readonly duration: number
}

/** One conversation's way. */
export interface Answered extends Conversation {
  readonly trainer: number
  readonly sentAt: number
  readonly answeredAt: number
}

export interface Simulation {
  readonly sent: number
  readonly answered: readonly Answered[]
  /** Tokens through the linear layers, padding included. */
  readonly computedTokens: number
  /** Milliseconds, GPUs added up. */
  readonly busyMs: number
}

interface Item extends Waiting {
  readonly trainer: number
  readonly sentAt: number
}

interface Gpu {
  waiting: Item[]
  arrived: number
  busy: boolean
  /** Tokens that wait or run. */
  load: number
}

/** A GPU keeps the siblings of what it was sent unless it has so much more to do than the least busy one. */
const AFFINITY_TOKENS = 32_768

/** Runs the trainers against the GPUs; deterministic. */
export function simulate({ trainers, gpus: count, policy, batchMs, duration }: SimulationOptions): Simulation {
  const events = new EventQueue()
  const gpus = Array.from({ length: count }, (): Gpu => ({ waiting: [], arrived: 0, busy: false, load: 0 }))
  const answered: Answered[] = []
  const missing = trainers.map(() => 0)
  const homes = new Map<number, Gpu>()
  let sent = 0
  let computedTokens = 0
  let busyMs = 0

  const leastLoaded = (): Gpu => gpus.reduce((least, gpu) => (gpu.load < least.load ? gpu : least))

  const gpuFor = (promptKey: number): Gpu => {
    const least = leastLoaded()
    const home = homes.get(promptKey)
    if (home && home.load <= least.load + AFFINITY_TOKENS) return home
    homes.set(promptKey, least)
    return least
  }

  const send = (trainer: number): void => {
    const set = trainers[trainer]!.set()
    missing[trainer] = set.length
    sent += set.length
    const used = new Set<Gpu>()
    for (const conversation of set) {
      const gpu = gpuFor(conversation.promptKey)
      const { tokens } = conversation
      gpu.arrived += tokens
      gpu.load += tokens
      gpu.waiting.push({
        ...conversation,
        arrival: gpu.arrived,
        deadline: Infinity,
        gone: false,
        trainer,
        sentAt: events.now
      })
      used.add(gpu)
    }
    for (const gpu of used) start(gpu)
  }

  const start = (gpu: Gpu): void => {
    if (gpu.busy || gpu.waiting.length === 0) return
    const { batch, rest } = policy.plan(gpu.waiting)
    const work = policy.work(batch)
    const ms = batchMs(work)
    gpu.waiting = rest
    gpu.busy = true
    computedTokens += work.tokens
    busyMs += ms
    events.after(ms, () => finish(gpu, batch))
  }

  const finish = (gpu: Gpu, batch: readonly Item[]): void => {
    gpu.busy = false
    for (const { promptKey, promptTokens, tokens, trainer, sentAt } of batch) {
      gpu.load -= tokens
      answered.push({ promptKey, promptTokens, tokens, trainer, sentAt, answeredAt: events.now })
      if (--missing[trainer]! === 0) again(trainer)
    }
    start(gpu)
  }

  const again = (trainer: number): void => {
    const pause = trainers[trainer]!.pause(events.now)
    if (events.now + pause < duration) events.after(pause, () => send(trainer))
  }

  trainers.forEach((_, trainer) => again(trainer))
  events.run()
  return { sent, answered, computedTokens, busyMs }
}
