/** Who asks for rewards, and when. Seeded: the same numbers give the same traffic. */
import { type Random, seeded } from '../../src/random.js'

/** One conversation to rate. */
export interface Conversation {
  readonly promptKey: number
  readonly promptTokens: number
  readonly tokens: number
}

/** A trainer sends a set of conversations at once, waits for all rewards, and is busy with other things until the next. */
export interface Trainer {
  /** Milliseconds until the next set. */
  pause(now: number): number
  set(): Conversation[]
}

/** Lengths of texts spread log-normally; so many tokens in the middle, between 8 and 4,000. */
function length(random: Random, median: number, spread: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Math.round(Math.min(4000, Math.max(8, median * Math.exp(spread * normal))))
}

/** What one kind of trainer does; lengths are medians in tokens, the pause a mean in seconds. */
interface Habit {
  readonly prompts: number
  readonly responses: number
  readonly promptTokens: number
  readonly responseTokens: number
  readonly pause: number
  /** All trainers send at the same moments. */
  readonly together?: boolean
  /** Part of the conversations whose prompt is about 4,000 tokens long. */
  readonly long?: number
}

const PPO: Habit = { prompts: 64, responses: 1, promptTokens: 250, responseTokens: 300, pause: 5 }
const GRPO: Habit = { prompts: 16, responses: 8, promptTokens: 250, responseTokens: 500, pause: 5 }
const BEST_OF_N: Habit = { prompts: 1, responses: 32, promptTokens: 400, responseTokens: 400, pause: 1 }

/** Habits by the name of a traffic; trainers take them in turn. */
export const TRAFFIC = {
  ppo: [PPO],
  'grpo-a': [{ ...GRPO, promptTokens: 260, responseTokens: 95 }],
  'grpo-b': [GRPO],
  'best-of-n': [BEST_OF_N],
  mixed: [{ ...PPO, long: 0.02 }, GRPO, BEST_OF_N],
  bursts: [{ ...GRPO, prompts: 32, promptTokens: 260, responseTokens: 95, pause: 20, together: true }]
} as const satisfies Record<string, readonly Habit[]>

export type TrafficName = keyof typeof TRAFFIC

export function trainers(name: TrafficName, count: number, seed: number): Trainer[] {
  const habits: readonly Habit[] = TRAFFIC[name]
  let prompt = 0
  return Array.from({ length: count }, (_, i) => {
    const habit = habits[i % habits.length]!
    const random = seeded(seed * 1009 + i)
    const pause = 1000 * habit.pause
    return {
      pause: (now: number) => (habit.together ? pause - (now % pause) : -Math.log(1 - random()) * pause),
      set: () =>
        Array.from({ length: habit.prompts }, () => {
          const promptKey = prompt++
          const median = random() < (habit.long ?? 0) ? 3700 : habit.promptTokens
          const promptTokens = length(random, median, median === 3700 ? 0.05 : 0.5)
          return Array.from({ length: habit.responses }, () => {
            return { promptKey, promptTokens, tokens: promptTokens + length(random, habit.responseTokens, 0.5) }
          })
        }).flat()
    }
  })
}
