/** Which results of earlier steps a step's result was made from: another run of one of those leaves it behind. */
import { ArmormError } from '../errors.js'

/** Fingerprints. */
export interface MadeFrom {
  readonly stage1: string
  readonly debias: string
  /** Of the embeddings. */
  readonly preferences: string
}

const STEPS = {
  stage1: 'stage 1 has run again',
  debias: 'debiasing has run again',
  preferences: 'other preferences are embedded'
} as const

/**
 * What has changed since a result was made.
 * @param found what the result was made from
 * @param now what is there, as far as it counts
 */
export function changedSince(found: MadeFrom | undefined, now: Partial<MadeFrom>): string[] {
  if (!found) return []
  const names = Object.keys(STEPS) as (keyof MadeFrom)[]
  return names.filter((name) => now[name] !== undefined && now[name] !== found[name]).map((name) => STEPS[name])
}

/** @throws ArmormError invalid_work when stage 2's result, at `path`, is not of what is there now */
export function checkMadeFrom(path: string, found: MadeFrom | undefined, now: Partial<MadeFrom>): void {
  const [change] = changedSince(found, now)
  if (change === undefined) return
  throw new ArmormError('invalid_work', `${path} is of a state before: ${change}; run armorm train stage2 again`)
}
