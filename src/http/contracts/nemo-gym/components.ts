/** What each objective contributes to a reward. */
import { ArmormError } from '../../../errors.js'
import { contributions } from '../../../scoring/explanation.js'
import type { Services } from '../../services.js'
import type { ContractReward } from '../scoring.js'

/**
 * scale * gating_j * adjusted_j + offset / K, by name, for all K objectives; a reward that stands in for one that could
 * not be computed is spread evenly. The heads sum in another order and round the score to float32, and rewards are
 * rounded to 9 digits: the largest component takes that difference, so that the sum is the reward to the last bits of a
 * double.
 */
export function components(
  { reward, outcome }: Pick<ContractReward, 'reward' | 'outcome'>,
  { manifest, contracts }: Pick<Services, 'manifest' | 'contracts'>
): Record<string, number> {
  const count = manifest.objectives.length
  const parts =
    outcome instanceof ArmormError
      ? new Float64Array(count).fill(reward / count)
      : Float64Array.from(
          contributions(outcome.gating, outcome.adjusted),
          (contribution) => contracts.scale * contribution + contracts.offset / count
        )
  const largest = parts.reduce((most, part, j) => (Math.abs(part) > Math.abs(parts[most] ?? 0) ? j : most), 0)
  const sum = parts.reduce((total, part) => total + part, 0)
  parts[largest] = (parts[largest] ?? 0) + (reward - sum)
  return Object.fromEntries(manifest.objectives.map(({ name }, j) => [name, parts[j] ?? 0]))
}
