/** What an operator decides for all contracts. */
import type { Manifest } from '../../bundle/manifest.js'
import type { Reference } from '../../bundle/reference.js'
import { ArmormError } from '../../errors.js'
import { Calibration } from '../../scoring/calibration.js'
import type { ReadOptions } from '../../text/rendered/index.js'

export interface ContractSettings {
  /** reward = scale * score + offset. */
  readonly scale: number
  readonly offset: number
  /** Places of the objectives that go beside the reward, in the model's order. */
  readonly extras: readonly number[]
  /** Raw score of a conversation that cannot be scored; null: its error answers the whole request. */
  readonly failedScore: number | null
  readonly calibration: Calibration
  /** How text that a trainer rendered is read. */
  readonly reading: ReadOptions
}

/** The options of `armorm serve` that are about contracts. */
export interface ContractOptions {
  readonly scoreScale: number
  readonly scoreOffset: number
  readonly extraObjectives: string
  readonly failedScore: string
  readonly assumeTemplate: ReadOptions['family']
  readonly thinkingBlocks: ReadOptions['thinking']
}

/** @throws ArmormError invalid_config naming the option, and what is allowed. */
export function contractSettings(
  options: ContractOptions,
  { objectives }: Pick<Manifest, 'objectives'>,
  reference: Reference | null
): ContractSettings {
  return {
    scale: options.scoreScale,
    offset: options.scoreOffset,
    extras: extraObjectives(
      options.extraObjectives,
      objectives.map(({ name }) => name)
    ),
    failedScore: failedScore(options.failedScore, reference),
    calibration: new Calibration(reference),
    reading: { family: options.assumeTemplate, thinking: options.thinkingBlocks }
  }
}

function extraObjectives(given: string, names: readonly string[]): number[] {
  if (given === 'all') return [...names.keys()]
  if (given === 'none') return []
  const wanted = given.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    const message = `extraObjectives names ${JSON.stringify(unknown)}, which is no objective of this model; it has ${names.join(', ')}`
    throw new ArmormError('invalid_config', message, { option: 'extraObjectives' })
  }
  return [...names.keys()].filter((place) => wanted.includes(names[place] ?? ''))
}

function failedScore(given: string, reference: Reference | null): number | null {
  if (given === 'refuse') return null
  if (given === 'auto') return reference?.score.percentiles[0] ?? 0
  const score = given.trim() === '' ? NaN : Number(given)
  if (Number.isFinite(score)) return score
  const message = `failedScore must be auto, refuse or a number, but is ${JSON.stringify(given)}`
  throw new ArmormError('invalid_config', message, { option: 'failedScore' })
}
