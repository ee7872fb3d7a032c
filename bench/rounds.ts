/** Contestants in turn over the same conversations, round after round. */
import { type Contestant, type Outcome, tokensOf, type Work } from './contestants/contestant.js'
import { type Agreement, REFERENCES, type Run, type Setting } from './figures.js'

export interface Rounds {
  readonly threads: number
  readonly rounds: number
  /** Whether contestants try all their settings before the rounds, and each more than once. */
  readonly thorough: boolean
  readonly contestants: readonly Contestant[]
  readonly loads: readonly string[]
  /** Conversations of a load that nobody has seen; a sample is a few of them. */
  readonly work: (load: string, sample: boolean) => Work
  readonly tell: (line: string) => void
}

export interface RoundFigures {
  readonly runs: Run[]
  readonly settings: Setting[]
  readonly agreement: Agreement[]
  /** Every work that was run, for the mean lengths. */
  readonly works: Work[]
}

export async function runRounds({
  threads,
  rounds,
  thorough,
  contestants,
  loads,
  work,
  tell
}: Rounds): Promise<RoundFigures> {
  const figures: RoundFigures = { runs: [], settings: [], agreement: [], works: [] }
  const takesPart = (contestant: Contestant, load: string) => contestant.loads?.includes(load) ?? true
  for (const load of loads) {
    const sample = work(load, true)
    for (const contestant of contestants.filter((each) => takesPart(each, load))) {
      const chosen = await contestant.prepare(sample, thorough)
      tell(
        `${threads} thread${threads === 1 ? '' : 's'}, ${load}, ${contestant.name} is ready${chosen ? `: ${chosen}` : ''}`
      )
      if (chosen !== null) figures.settings.push({ contestant: contestant.name, load, threads, chosen })
    }
  }
  const differences = new Map<string, Agreement>()
  for (let round = 0; round < rounds; round++) {
    for (const load of loads) {
      const conversations = work(load, false)
      figures.works.push(conversations)
      const outcomes = new Map<string, Outcome>()
      const present = contestants.filter((each) => takesPart(each, load))
      // Whoever goes first after a pause finds a cooler processor.
      const first = round % Math.max(1, present.length)
      for (const contestant of [...present.slice(first), ...present.slice(0, first)]) {
        const outcome = await contestant.score(conversations)
        outcomes.set(contestant.name, outcome)
        const { seconds, cpuSeconds } = outcome
        const count = conversations.groups.flat().length
        const tokens = tokensOf(conversations)
        figures.runs.push({
          load,
          threads,
          contestant: contestant.name,
          round,
          conversations: count,
          tokens,
          seconds,
          cpuSeconds
        })
        tell(
          `${threads} thread${threads === 1 ? '' : 's'}, round ${round + 1}, ${load}, ${contestant.name}: ` +
            `${(count / seconds).toFixed(2)} conversations/s, ${(tokens / seconds).toFixed(0)} effective tokens/s`
        )
      }
      compare(outcomes, differences)
    }
  }
  figures.agreement.push(...differences.values())
  return figures
}

function compare(outcomes: ReadonlyMap<string, Outcome>, differences: Map<string, Agreement>): void {
  for (const reference of REFERENCES) {
    const wanted = outcomes.get(reference)?.scores
    if (!wanted) continue
    for (const [contestant, { scores }] of outcomes) {
      if (contestant === reference) continue
      const key = `${contestant} ${reference}`
      const before = differences.get(key) ?? { conversations: 0, largest: 0 }
      const largest = scores.reduce((most, score, i) => {
        const difference = Math.abs(score - wanted[i]!)
        return Number.isNaN(difference) ? Infinity : Math.max(most, difference)
      }, before.largest)
      differences.set(key, { contestant, reference, conversations: before.conversations + scores.length, largest })
    }
  }
}
