/** The server that one writes in an afternoon (bench/peers/plain-server.ts), over HTTP. */
import { fileURLToPath } from 'node:url'
import type { Contestant, Outcome, Work } from './contestant.js'
import { end, type HttpProcess, postJson, startHttp, timed } from './process.js'

const PROGRAM = fileURLToPath(new URL('../peers/plain-server.js', import.meta.url))

export class PlainServer implements Contestant {
  readonly name = 'plain'
  readonly #process: HttpProcess

  private constructor(process: HttpProcess) {
    this.#process = process
  }

  /**
   * @param folder an fp32 bundle
   * @param backbone graph of torch.onnx.export; null: the bundle's
   * @throws Error when the server does not start
   */
  static async start(folder: string, backbone: string | null, threads: number): Promise<PlainServer> {
    const graph = backbone === null ? [] : ['--backbone', backbone]
    return new PlainServer(await startHttp(PROGRAM, ['--model', folder, ...graph, '--threads', String(threads)], '/'))
  }

  async prepare(sample: Work): Promise<null> {
    await this.score(sample)
    return null
  }

  async score(work: Work): Promise<Outcome> {
    const conversations = work.groups.flat()
    const { value: scores, ...times } = await timed(this.#process.child, () =>
      Promise.all(
        conversations.map(async ({ messages }) => {
          const { status, body } = await postJson(this.#process.origin, { messages })
          if (status !== 200) throw new Error(`the plain server answered ${status}: ${body}`)
          return (JSON.parse(body) as { score: number }).score
        })
      )
    )
    return { ...times, scores }
  }

  close(): Promise<void> {
    return end(this.#process.child)
  }
}
