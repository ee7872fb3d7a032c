/** Single requests, one after another: what the server adds to the engine's time for the same conversation. */
import { fileURLToPath } from 'node:url'
import type { BenchConversation } from '../contestants/contestant.js'
import type { EngineAlone } from '../contestants/engine.js'
import { end, postJson, startHttp } from '../contestants/process.js'
import { type ArmormServer, scoreRequest } from '../contestants/server.js'
import type { LowLoadFigures } from '../figures.js'
import { mean } from '../statistics.js'

const PARTS = ['timing']
/** Compiled, this file lies in build/bench/jobs. */
const BARE = fileURLToPath(new URL('../stand-in/bare-server.js', import.meta.url))

export async function lowLoad(
  server: ArmormServer,
  engine: EngineAlone,
  conversations: readonly BenchConversation[]
): Promise<LowLoadFigures> {
  const bare = await startHttp(BARE, [], '/')
  const figures: Record<'http' | 'engine' | 'tokenize' | 'run' | 'bare', number[]> = {
    http: [],
    engine: [],
    tokenize: [],
    run: [],
    bare: []
  }
  try {
    for (const conversation of conversations) {
      const started = performance.now()
      const { timing } = await server.post([conversation], PARTS)
      figures.http.push(performance.now() - started)
      figures.tokenize.push(timing!.tokenize_ms)
      figures.run.push(timing!.run_ms)
      figures.engine.push((await engine.single(conversation)).seconds * 1000)
      const sent = performance.now()
      await postJson(`${bare.origin}/`, scoreRequest([conversation], PARTS))
      figures.bare.push(performance.now() - sent)
    }
  } finally {
    await end(bare.child)
  }
  return {
    conversations: conversations.length,
    meanTokens: mean(conversations.map(({ ids }) => ids.length)),
    ...figures
  }
}
