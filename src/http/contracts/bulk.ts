import { ArmormError } from '../../errors.js'
import type { Protocol } from '../../scoring/scorer.js'
import { CONTRACTS } from './index.js'

/**
 * Reads `--bulk-contracts`.
 * @returns labels of the contracts whose requests give way to others
 * @throws ArmormError invalid_config naming the label that is none
 */
export function bulkContracts(given: string): ReadonlySet<Protocol> {
  if (given === 'none') return new Set()
  const labels = CONTRACTS.map(({ protocol }) => protocol)
  return new Set(
    given.split(',').map((each) => {
      const label = labels.find((known) => known === each.trim())
      if (label) return label
      const message = `bulkContracts names ${JSON.stringify(each.trim())}, which is no contract; there are ${labels.join(', ')}`
      throw new ArmormError('invalid_config', message, { option: 'bulkContracts' })
    })
  )
}
