/** Single requests, one after another: what the server adds to the engine's time for the same conversation. */
import type { BenchConversation } from '../contestants/contestant.js'
import type { EngineAlone } from '../contestants/engine.js'
import type { ArmormServer } from '../contestants/server.js'
import type { LowLoadFigures } from '../figures.js'
import { mean } from '../statistics.js'

export async function lowLoad(
  server: ArmormServer,
  engine: EngineAlone,
  conversations: readonly BenchConversation[]
): Promise<LowLoadFigures> {
  const figures = { http: [] as number[], engine: [] as number[], tokenize: [] as number[] }
  for (const conversation of conversations) {
    const started = performance.now()
    const { timing } = await server.post([conversation], ['timing'])
    figures.http.push(performance.now() - started)
    figures.tokenize.push(timing!.tokenize_ms)
    figures.engine.push((await engine.single(conversation)).seconds * 1000)
  }
  return {
    conversations: conversations.length,
    meanTokens: mean(conversations.map(({ ids }) => ids.length)),
    ...figures
  }
}
