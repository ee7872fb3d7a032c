/** Exact repeats, answered from the server's memory. */
import type { Work } from '../contestants/contestant.js'
import { ArmormServer } from '../contestants/server.js'
import type { RepeatFigures } from '../figures.js'

export async function repeats(folder: string, threads: number, work: Work): Promise<RepeatFigures> {
  const server = await ArmormServer.start({ folder, threads, cache: true })
  try {
    const first = await server.score(work)
    const repeated = await server.score(work)
    return {
      conversations: work.groups.flat().length,
      firstSeconds: first.seconds,
      repeatSeconds: repeated.seconds
    }
  } finally {
    await server.close()
  }
}
