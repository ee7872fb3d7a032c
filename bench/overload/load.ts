/** Requests that come when they come, whatever becomes of those before them; and clients that obey what they are told. */
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../src/random.js'

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

export interface Answer {
  readonly status: number
  /** Milliseconds since the load began. */
  readonly sentAt: number
  readonly endedAt: number
  /** Seconds of `Retry-After`; null without. */
  readonly retryAfter: number | null
  readonly body: string
}

export type Send = (body: string, headers?: Record<string, string>) => Promise<Answer>

/** @returns a function that posts JSON; a connection that fails has status 0 */
export function sender(origin: string, path: string): Send {
  const began = performance.now()
  return (body, headers = {}) =>
    new Promise((resolve) => {
      const sentAt = performance.now() - began
      const ended = (status: number, retryAfter: string | undefined, text: string) => {
        const seconds = retryAfter === undefined ? null : Number(retryAfter)
        resolve({ status, sentAt, endedAt: performance.now() - began, retryAfter: seconds, body: text })
      }
      const sent = request(
        origin + path,
        {
          method: 'POST',
          agent,
          headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }
        },
        (reply) => {
          const chunks: Buffer[] = []
          reply.on('data', (chunk: Buffer) => chunks.push(chunk))
          reply.on('error', () => ended(0, undefined, ''))
          reply.on('end', () =>
            ended(reply.statusCode ?? 0, reply.headers['retry-after'], Buffer.concat(chunks).toString())
          )
        }
      )
      sent.on('error', () => ended(0, undefined, ''))
      sent.end(body)
    })
}

/**
 * Sends at random moments (Poisson), so many a second on average.
 * @returns all answers, when the last has come
 */
export async function openLoop(
  perSecond: number,
  count: number,
  random: Random,
  send: () => Promise<Answer>
): Promise<Answer[]> {
  const answers: Promise<Answer>[] = []
  const began = performance.now()
  let due = 0
  while (answers.length < count) {
    const now = performance.now() - began
    while (due <= now && answers.length < count) {
      answers.push(send())
      due += (-Math.log(1 - random()) * 1000) / perSecond
    }
    await delay(Math.max(1, due - (performance.now() - began)))
  }
  return Promise.all(answers)
}

/** So many at a time, each as soon as one before it is answered. */
export async function closedLoop(clients: number, count: number, send: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  let sent = 0
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (sent++ < count) answers.push(await send())
    })
  )
  return answers
}

/** A client that comes again when it was told to, until it is answered. @returns how often it asked, and when it was done */
export async function obey(send: () => Promise<Answer>, mostTries: number): Promise<{ tries: number; answer: Answer }> {
  for (let tries = 1; ; tries++) {
    const answer = await send()
    if (answer.retryAfter === null || tries === mostTries) return { tries, answer }
    await delay(1000 * answer.retryAfter)
  }
}
