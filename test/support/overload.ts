/** A server with its own queue and door, over an engine whose batches the test ends. */
import { connect, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { Engine, EngineSequence } from '../../src/engine/contract.js'
import type { Admission, Refusal } from '../../src/scheduling/admission.js'
import { BatchQueue } from '../../src/scheduling/batch-queue.js'
import type { Tokenize } from '../../src/scoring/rater.js'
import { type Fakes, fakeApp, fakeTokenizer, manifest } from '../http/helpers.js'
import { type DoorSetting, doorOver } from './door.js'

export interface Batch {
  /** The texts of its conversations: the stand-in tokenizer makes a token of each character. */
  readonly texts: string[]
  readonly end: () => void
}

export interface Overloaded {
  readonly app: FastifyInstance
  readonly queue: BatchQueue
  readonly admission: Admission
  /** What the engine was given to run, in order. */
  readonly batches: Batch[]
  /** Texts that were tokenized. */
  readonly tokenized: string[]
  readonly refusals: Refusal[]
  readonly dropped: string[]
  /** Ends every batch that runs, and from now on each that comes. */
  readonly runAll: () => void
}

export interface Setting extends DoorSetting {
  readonly tokensPerSecond?: number
  readonly maxBatchTokens?: number
  readonly tokenizer?: Tokenize
  readonly limits?: Fakes['limits']
}

/** Batches of up to 10 tokens, at 100 tokens a second, unless `setting` says otherwise. */
export async function overloaded(t: Test, setting: Setting = {}): Promise<Overloaded> {
  const batches: Batch[] = []
  const tokenized: string[] = []
  const refusals: Refusal[] = []
  const dropped: string[] = []
  let running = true
  const { tokensPerSecond = 100, maxBatchTokens = 10, tokenizer = fakeTokenizer, limits, ...doorSetting } = setting
  const engine: Engine = {
    load: async () => {},
    health: () => ({ state: 'ready', restarts: 0 }),
    capacity: () => ({ targetTokens: maxBatchTokens, tokensPerSecond }),
    close: async () => {},
    run: (batch) =>
      new Promise((resolve) => {
        const end = () => resolve({ ...zeros(batch.length), interrupted: true })
        batches.push({ texts: batch.map(({ ids }: EngineSequence) => String.fromCodePoint(...ids)), end })
        if (!running) end()
      })
  }
  const queue = new BatchQueue(engine, {
    objectives: manifest.objectives.length,
    maxBatchTokens,
    maxBatchSequences: 64,
    // A clock that stands still: no batch ever seems about to end, so none is handed over behind the one that runs.
    now: () => 0,
    onDrop: (why) => void dropped.push(why)
  })
  const counting: Tokenize = {
    encode(conversation, truncation, caller) {
      if (conversation.kind === 'text') tokenized.push(conversation.text)
      return tokenizer.encode(conversation, truncation, caller)
    }
  }
  const { admission, parts } = doorOver(queue, counting, {
    maxTokens: 100,
    onRefusal: (reason) => void refusals.push(reason),
    random: () => 0,
    ...doorSetting
  })
  const app = await fakeApp(t, { ...parts, ...(limits && { limits }) })
  const runAll = () => {
    running = false
    for (const { end } of batches) end()
  }
  // What a failed test left waiting must not keep the server from closing.
  t.teardown(runAll)
  return { app, queue, admission, batches, tokenized, refusals, dropped, runAll }
}

function zeros(sequences: number) {
  const values = new Float32Array(sequences * manifest.objectives.length)
  return { ratings: values, gating: values, adjusted: values, score: new Float32Array(sequences) }
}

export const score = (app: FastifyInstance, texts: readonly string[], headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/score', payload: { inputs: texts.map((text) => ({ text })) }, headers })

/** A text of so many characters, and so tokens, that begins like no other of another name. */
export const text = (name: string, tokens: number): string => name.padEnd(tokens, '.')

/** Sends a request over a socket of its own, and does not wait for the reply. */
export async function send(app: FastifyInstance, path: string, body: object): Promise<Socket> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  const bytes = JSON.stringify(body)
  socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(bytes)}\r\n\r\n${bytes}`)
  return socket
}
