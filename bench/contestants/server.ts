/** This server, as its users run it: `armorm serve` in processes of its own, over HTTP. */
import { fileURLToPath } from 'node:url'
import type { BenchConversation, Contestant, Outcome, Work } from './contestant.js'
import { end, type HttpProcess, postJson, startHttp, timed } from './process.js'

/** Compiled, this file lies in build/bench/contestants. */
const ARMORM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Nothing is refused for want of room: the default follows a rate that other work on the machine makes small. */
const MOST_WAITING = '100000000'

export interface ServerOptions {
  readonly folder: string
  readonly threads: number
  /** False: `--cache-bytes 0`, so that no repeat is answered from memory. */
  readonly cache: boolean
  /** Of the contestant; default `server`. */
  readonly name?: string
}

interface Result {
  readonly score?: number
  readonly results?: readonly Result[]
}

export interface ScoreReply {
  readonly results: readonly Result[]
  readonly timing?: { readonly tokenize_ms: number; readonly queue_ms: number; readonly run_ms: number }
}

/** Body of POST /score. */
export function scoreRequest(conversations: readonly BenchConversation[], parts: readonly string[]): object {
  return { inputs: conversations.map(({ messages }) => ({ messages })), return: parts }
}

export class ArmormServer implements Contestant {
  readonly #process: HttpProcess

  private constructor(
    readonly name: string,
    process: HttpProcess
  ) {
    this.#process = process
  }

  /** @throws Error when the server does not start */
  static async start({ folder, threads, cache, name = 'server' }: ServerOptions): Promise<ArmormServer> {
    const args = ['serve', '--model', folder, '--threads', String(threads), '--max-queue-tokens', MOST_WAITING]
    const memory = cache ? [] : ['--cache-bytes', '0']
    return new ArmormServer(name, await startHttp(ARMORM, [...args, ...memory], '/readyz'))
  }

  async prepare(sample: Work): Promise<null> {
    await this.score(sample)
    return null
  }

  /** One request a conversation, all at once; in the load `batch`, one request for all. */
  async score(work: Work): Promise<Outcome> {
    const conversations = work.groups.flat()
    const { value, ...times } = await timed(this.#process.child, () =>
      work.load === 'batch'
        ? Promise.all([this.post(conversations)])
        : Promise.all(conversations.map((conversation) => this.post([conversation])))
    )
    return { ...times, scores: value.flatMap(({ results }) => results.map(({ score }) => score!)) }
  }

  /** @throws Error with the server's own message for any reply but 200 */
  async post(conversations: readonly BenchConversation[], parts: readonly string[] = []): Promise<ScoreReply> {
    const { status, body } = await this.send(scoreRequest(conversations, parts))
    if (status !== 200) throw new Error(`the server answered ${status}: ${body.slice(0, 500)}`)
    return JSON.parse(body) as ScoreReply
  }

  send(body: unknown): Promise<{ status: number; body: string }> {
    return postJson(`${this.#process.origin}/score`, body)
  }

  /** The value of a metric without labels. @throws Error when the server has none of that name */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#process.origin}/metrics`)).text()
    const line = text.split('\n').find((each) => each.startsWith(`${name} `))
    if (line === undefined) throw new Error(`the server has no metric ${name}`)
    return Number(line.slice(name.length))
  }

  close(): Promise<void> {
    return end(this.#process.child)
  }
}
