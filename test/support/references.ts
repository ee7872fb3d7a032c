/** A reference of made-up numbers for any manifest. */
import type { Manifest } from '../../src/bundle/manifest.js'
import { type Distribution, PERCENTILES, type Reference } from '../../src/bundle/reference.js'

/** Uniform between two values. */
export function uniform(low: number, high: number): Distribution {
  const percentiles = Array.from({ length: PERCENTILES }, (_, p) => low + ((high - low) * p) / (PERCENTILES - 1))
  return { mean: (low + high) / 2, standard_deviation: (high - low) / Math.sqrt(12), percentiles }
}

/** Scores from -2 to 2, ratings from 0 to 1. */
export function referenceOf({ model, objectives }: Pick<Manifest, 'model' | 'objectives'>): Reference {
  return {
    format_version: 2,
    model_revision: model.revision,
    conversations: 1000,
    score: uniform(-2, 2),
    tokens: uniform(10, 100),
    score_length_correlation: 0.25,
    gate_entropy: uniform(0.5, 0.9),
    objectives: objectives.map(({ name }) => ({ name, rating: uniform(0, 1), gating: uniform(0, 0.5) }))
  }
}
