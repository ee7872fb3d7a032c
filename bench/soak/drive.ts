/** Clients that send requests until so many were sent, and what goes wrong with them. */
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import type { SoakRequest } from './traffic.js'

export interface DriveOptions {
  readonly origin: string
  readonly requests: number
  readonly clients: number
  readonly next: (explainIds: string[]) => SoakRequest
  /** Called after each so many requests, while the others go on. */
  readonly every: number
  readonly onSample: (requests: number) => Promise<void>
}

export interface Driven {
  /** Replies by status; `abandoned` for those that nobody waited for. */
  readonly statuses: Readonly<Record<string, number>>
  /** Replies of a status that they should not have had, or connections that broke. A few examples. */
  readonly wrong: readonly string[]
  readonly wrongCount: number
  readonly seconds: number
}

/** Ids of explanations that are asked for again. */
const REMEMBERED = 500
const EXAMPLES = 10
/** One request in so many comes over a connection of its own. */
const FRESH = 20

export async function drive({ origin, requests, clients, next, every, onSample }: DriveOptions): Promise<Driven> {
  const kept = new Agent({ keepAlive: true })
  const statuses: Record<string, number> = {}
  const wrong: string[] = []
  let wrongCount = 0
  const explainIds: string[] = []
  let [sent, ended] = [0, 0]
  let sampling = Promise.resolve()

  const failed = (what: string) => {
    wrongCount += 1
    if (wrong.length < EXAMPLES) wrong.push(what)
  }
  const client = async (): Promise<void> => {
    while (sent < requests) {
      const fresh = sent % FRESH === 0
      sent += 1
      const asked = next(explainIds)
      const what = `${asked.method} ${asked.path.split('/').slice(0, 3).join('/')}`
      try {
        const outcome = await ask(origin, asked, fresh ? new Agent({ keepAlive: false }) : kept)
        const name = outcome === null ? 'abandoned' : String(outcome.status)
        statuses[name] = (statuses[name] ?? 0) + 1
        if (outcome && !asked.statuses.includes(outcome.status))
          failed(`${what}: ${name} ${outcome.body.slice(0, 200)}`)
        if (outcome) remember(outcome.body, explainIds)
      } catch (error) {
        failed(`${what}: ${error instanceof Error ? error.message : String(error)}`)
      }
      ended += 1
      if (ended % every === 0) {
        const count = ended
        sampling = sampling.then(() => onSample(count))
      }
    }
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: clients }, client))
  await sampling
  const seconds = (performance.now() - began) / 1000
  kept.destroy()
  return { statuses, wrong, wrongCount, seconds }
}

/** null when the reply was abandoned. */
async function ask(
  origin: string,
  { method, path, body, headers, abandoned }: SoakRequest,
  agent: Agent
): Promise<{ status: number; body: string } | null> {
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const length = bytes && { 'content-length': bytes.length }
  const sent = request(origin + path, { method, agent, headers: { ...headers, ...length } })
  if (abandoned) {
    const closed = new Promise((resolve) => sent.once('close', resolve))
    sent.on('error', () => undefined).on('response', (reply) => reply.resume())
    sent.end(bytes, () => setImmediate(() => sent.destroy()))
    await closed
    return null
  }
  sent.end(bytes)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of reply as AsyncIterable<Buffer>) chunks.push(chunk)
  return { status: reply.statusCode!, body: Buffer.concat(chunks).toString() }
}

function remember(body: string, explainIds: string[]): void {
  const id = /"explain_id":"([0-9a-f-]{36})"/.exec(body)?.[1]
  if (id === undefined) return
  if (explainIds.length >= REMEMBERED) explainIds.shift()
  explainIds.push(id)
}
