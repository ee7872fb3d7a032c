/**
 * Rotary position embedding (RoPE): how config.json states it.
 * Source: transformers, modeling_rope_utils.py. Older checkpoints have `rope_theta` and `rope_scaling`; transformers 5
 * writes both into `rope_parameters`.
 */
import { type JsonObject, refuse } from './json.js'

export type RopeScaling =
  | { readonly type: 'none' }
  /** Every frequency divided by `factor`. */
  | { readonly type: 'linear'; readonly factor: number }
  /** Llama 3.1: long wavelengths divided by `factor`, short ones kept, a smooth passage between. */
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly lowFreqFactor: number
      readonly highFreqFactor: number
      /** Context length in tokens before the model was extended. */
      readonly originalMaxPositions: number
    }

export interface RopeConfig {
  /** Base of the frequencies: inverse frequency i is theta^(-2i / headDim) before scaling. */
  readonly theta: number
  readonly scaling: RopeScaling
}

const DEFAULT_THETA = 10_000

/** @throws ArmormError unsupported_checkpoint for other kinds of scaling, or keys that contradict each other */
export function parseRope(config: JsonObject): RopeConfig {
  const sections = [config.object('rope_scaling'), config.object('rope_parameters')].filter((s) => s !== undefined)
  for (const section of [config, ...sections]) {
    if (section.positive('partial_rotary_factor', 1) !== 1) {
      refuse(
        `${section.label('partial_rotary_factor')} ${String(section.get('partial_rotary_factor'))} is not supported`
      )
    }
  }
  const scalings = sections.map((section) => parseScaling(config, section))
  if (scalings[1] && JSON.stringify(scalings[0]) !== JSON.stringify(scalings[1])) {
    refuse('rope_scaling and rope_parameters contradict each other')
  }
  const stated = [config, ...sections].filter((section) => section.get('rope_theta') !== undefined)
  const thetas = stated.map((section) => section.positive('rope_theta'))
  if (thetas.some((theta) => theta !== thetas[0])) {
    refuse(`${stated.map((section) => section.label('rope_theta')).join(' and ')} contradict each other`)
  }
  return { theta: thetas[0] ?? DEFAULT_THETA, scaling: scalings[0] ?? { type: 'none' } }
}

function parseScaling(config: JsonObject, section: JsonObject): RopeScaling {
  const key = section.get('rope_type') === undefined ? 'type' : 'rope_type'
  const type = section.string(key) ?? 'default'
  switch (type) {
    case 'default':
      return { type: 'none' }
    case 'linear':
      return { type: 'linear', factor: section.positive('factor') }
    case 'llama3': {
      const lowFreqFactor = section.positive('low_freq_factor')
      const highFreqFactor = section.positive('high_freq_factor')
      if (highFreqFactor <= lowFreqFactor) {
        refuse(`${section.label('high_freq_factor')} ${highFreqFactor} must be above low_freq_factor ${lowFreqFactor}`)
      }
      const originalMaxPositions = originalPositions(config, section)
      return { type: 'llama3', factor: section.positive('factor'), lowFreqFactor, highFreqFactor, originalMaxPositions }
    }
    default:
      return refuse(`${section.label(key)} ${JSON.stringify(type)} is not supported; default, linear and llama3 are`)
  }
}

/** Upstream takes the top-level key first and max_position_embeddings last. */
function originalPositions(config: JsonObject, section: JsonObject): number {
  const key = 'original_max_position_embeddings'
  const fallback = config.integer(key, 1, section.integer(key, 1, config.integer('max_position_embeddings', 1, 2048)))
  if (section.integer(key, 1, fallback) !== fallback) refuse(`${section.label(key)} and ${key} contradict each other`)
  return fallback
}
