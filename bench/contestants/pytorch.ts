/** PyTorch + transformers (bench/peers/pytorch.py): one process, four contestants. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Contestant, fastest, type Outcome, type Work } from './contestant.js'
import { end } from './process.js'

/** Compiled, this file lies in build/bench/contestants. */
const PROGRAM = fileURLToPath(new URL('../../../bench/peers/pytorch.py', import.meta.url))

export type Dtype = 'fp32' | 'bf16'

/** Conversations of a padded batch that are tried. */
const BATCHES = [2, 4, 8, 16]
const QUICK_BATCHES = [4]

interface Reply {
  readonly error?: string
  readonly seconds: number
  readonly cpuSeconds: number
  readonly scores: readonly number[]
}

export class PyTorch {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string, undefined>

  private constructor(python: string, checkpoint: string, threads: number) {
    const env = { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) }
    this.#child = spawn(python, [PROGRAM, checkpoint, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'], env })
    this.#child.stdin.on('error', () => undefined) // Told by the missing answer.
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]() as AsyncIterator<
      string,
      undefined
    >
  }

  /** @throws Error when Python or its packages do not start */
  static async start(python: string, checkpoint: string, threads: number): Promise<PyTorch> {
    const peer = new PyTorch(python, checkpoint, threads)
    try {
      await peer.#answer()
      return peer
    } catch (error) {
      await peer.close()
      throw error
    }
  }

  /** The contestants that this process plays. */
  contestants(): Contestant[] {
    return (['fp32', 'bf16'] as const).flatMap((dtype) => [
      this.#contestant(dtype, false),
      this.#contestant(dtype, true)
    ])
  }

  #contestant(dtype: Dtype, padded: boolean): Contestant {
    const batches = new Map<string, number>()
    const seconds = async (sample: Work, batch: number) => (await this.#run(dtype, batch, sample)).seconds
    return {
      name: `pytorch-${dtype}-${padded ? 'padded' : 'single'}`,
      prepare: async (sample, thorough) => {
        if (!padded) {
          await seconds(sample, 1)
          return null
        }
        const batch = await fastest(thorough ? BATCHES : QUICK_BATCHES, thorough ? 2 : 1, (way) => seconds(sample, way))
        batches.set(sample.load, batch)
        return `batches of ${batch}`
      },
      score: (work) => this.#run(dtype, batches.get(work.load) ?? 1, work),
      close: () => this.close()
    }
  }

  async #run(dtype: Dtype, batch: number, work: Work): Promise<Outcome> {
    const conversations = work.groups.flat().map(({ ids, gateIndex }) => ({ ids: [...ids], gate: gateIndex }))
    this.#child.stdin.write(`${JSON.stringify({ dtype, batch, conversations })}\n`)
    return this.#answer()
  }

  async #answer(): Promise<Reply> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error('the Python process ended')
    const reply = JSON.parse(value) as Reply
    if (reply.error !== undefined) throw new Error(reply.error)
    return reply
  }

  async close(): Promise<void> {
    this.#child.stdin.end()
    await end(this.#child)
  }
}
