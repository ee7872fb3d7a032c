/** Tokens a second of one tokenizer worker, and how long the server's event loop stands still while they work. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Manifest } from '../../src/bundle/manifest.js'
import { bundleTokenizer } from '../../src/scoring/bundle-tokenizer.js'
import type { BenchConversation } from '../contestants/contestant.js'
import type { ArmormServer } from '../contestants/server.js'
import type { TokenizationFigures } from '../figures.js'

/** Longest delay of the event loop since the last time that it was asked for: Node's monitorEventLoopDelay. */
const PAUSE_METRIC = 'nodejs_eventloop_lag_max_seconds'
const IDLE_MS = 1000
const REQUESTS = 32
const DEADLINE_MS = 60_000

export async function tokenization(
  folder: string,
  manifest: Manifest,
  server: ArmormServer,
  conversations: readonly BenchConversation[]
): Promise<TokenizationFigures> {
  const pool = await bundleTokenizer({ folder, manifest }, { threads: 1, deadlineMs: DEADLINE_MS })
  const started = performance.now()
  const encoded = await Promise.all(
    conversations.map(({ messages }) => pool.encode({ kind: 'messages', messages }, 'none'))
  ).finally(() => pool.close())
  const seconds = (performance.now() - started) / 1000
  const tokens = encoded.reduce((sum, { ids }) => sum + ids.length, 0)

  const pause = async (): Promise<number> => (await server.metric(PAUSE_METRIC)) * 1000
  await pause()
  await delay(IDLE_MS)
  const idlePauseMs = await pause()
  const { content, length } = tooLong(conversations, manifest.max_tokens)
  const replies = await Promise.all(
    Array.from({ length: REQUESTS }, (_, i) => server.send({ inputs: [{ prompt: `${i}. ${content}`, response: '.' }] }))
  )
  // Longer than the model takes: refused once it is tokenized, so that the engine has no part in it.
  const wrong = replies.find(({ body }) => !body.includes('too_long'))
  if (wrong) throw new Error(`a conversation that is too long was answered ${wrong.status}`)
  return {
    tokens,
    tokensPerSecond: tokens / seconds,
    idlePauseMs,
    loadedPauseMs: await pause(),
    requests: REQUESTS,
    requestTokens: length
  }
}

/** The conversations' answers joined until they are longer than the model takes. */
function tooLong(conversations: readonly BenchConversation[], maxTokens: number): { content: string; length: number } {
  const pieces: string[] = []
  let length = 0
  for (let i = 0; length < maxTokens * 1.1; i++) {
    const { messages, ids, promptTokens } = conversations[i % conversations.length]!
    pieces.push(messages.at(-1)!.content)
    length += ids.length - promptTokens
  }
  return { content: pieces.join('\n\n'), length }
}
