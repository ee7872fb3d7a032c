import t from 'tap'
import type { Contestant, Work } from '../../bench/contestants/contestant.js'
import { runRounds } from '../../bench/rounds.js'

/** Two prompts with two responses each; the first id tells one work from another. */
function made(load: string, number: number): Work {
  const conversation = (id: number) => ({
    messages: [],
    ids: Int32Array.of(number, id, 0),
    gateIndex: 0,
    promptTokens: 1
  })
  return {
    load,
    groups: [
      [conversation(1), conversation(2)],
      [conversation(3), conversation(4)]
    ]
  }
}

const LOADS = ['one', 'two']

/** Rounds of contestants that do nothing; `scores` says what each gives back. */
async function play(rounds: number, contestants: readonly (Partial<Contestant> & { readonly name: string })[]) {
  const calls: string[] = []
  let works = 0
  const all = contestants.map((each): Contestant => ({
    prepare: async (sample, thorough) => {
      calls.push(`prepare ${each.name} ${sample.load} ${thorough}`)
      return null
    },
    score: async ({ load, groups }) => {
      calls.push(`${each.name} ${load} ${groups[0]![0]!.ids[0]}`)
      return { seconds: 2, cpuSeconds: null, scores: [1, 2, 3, 4] }
    },
    close: async () => {},
    ...each
  }))
  const figures = await runRounds({
    threads: 1,
    rounds,
    thorough: true,
    contestants: all,
    loads: LOADS,
    work: (load) => made(load, works++),
    tell: () => {}
  })
  return { calls, figures }
}

t.test('all score the same conversations, new ones in each round, and another goes first', async (t) => {
  const { calls, figures } = await play(3, [{ name: 'a' }, { name: 'b' }, { name: 'c', loads: ['two'] }])
  t.strictSame(calls, [
    ...['prepare a one true', 'prepare b one true', 'prepare a two true', 'prepare b two true', 'prepare c two true'],
    // Works 0 and 1 were the samples.
    ...['a one 2', 'b one 2', 'a two 3', 'b two 3', 'c two 3'],
    ...['b one 4', 'a one 4', 'b two 5', 'c two 5', 'a two 5'],
    ...['a one 6', 'b one 6', 'c two 7', 'a two 7', 'b two 7']
  ])
  t.equal(figures.runs.length, 15)
  const common = { threads: 1, contestant: 'b', conversations: 4, tokens: 12, seconds: 2, cpuSeconds: null }
  t.strictSame(
    figures.runs.filter(({ contestant, load }) => contestant === 'b' && load === 'one'),
    [0, 1, 2].map((round) => ({ ...common, load: 'one', round }))
  )
  t.equal(figures.works.length, 6)
})

t.test('what was chosen beforehand is kept', async (t) => {
  const { figures } = await play(1, [{ name: 'a', prepare: async ({ load }) => (load === 'one' ? 'fours' : null) }])
  t.strictSame(figures.settings, [{ contestant: 'a', load: 'one', threads: 1, chosen: 'fours' }])
})

t.test('scores are held against those of the engine and the plain server, over all rounds', async (t) => {
  const giving = (name: string, ...scores: number[]) => ({
    name,
    score: async () => ({ seconds: 1, cpuSeconds: 1, scores })
  })
  const { figures } = await play(2, [
    giving('near', 1, 2.25, 3, 4),
    giving('swapped', 2, 1, 3, 4),
    giving('broken', 1, 2, NaN, 4),
    giving('engine', 1, 2, 3, 4)
  ])
  const against = (reference: string, contestant: string, largest: number) => {
    return { contestant, reference, conversations: 16, largest }
  }
  t.strictSame(figures.agreement, [
    against('engine', 'near', 0.25),
    against('engine', 'swapped', 1),
    against('engine', 'broken', Infinity)
  ])
  const both = await play(2, [giving('plain', 1, 2, 3, 4.5), giving('engine', 1, 2, 3, 4), giving('near', 1, 2, 3, 4)])
  t.strictSame(both.figures.agreement, [
    against('engine', 'plain', 0.5),
    against('engine', 'near', 0),
    against('plain', 'engine', 0.5),
    against('plain', 'near', 0.5)
  ])
  t.strictSame((await play(1, [giving('near', 1, 2, 3, 4)])).figures.agreement, [], 'nobody to be held against')
})
