/**
 * Metrics of the rewards themselves: what they are, how the gate spreads its weights, and whether they move away from
 * the bundle's reference. A policy that learns to please the model rather than people shows here: scores that drift
 * upwards, scores that follow length, a gate that hears one objective only.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Manifest } from '../bundle/manifest.js'
import type { Distribution, Reference } from '../bundle/reference.js'
import { distributionDistance } from './drift.js'
import { RewardWindow, type WindowFigures } from './reward-window.js'

/** Without a reference: gated scores lie near 0.1 with ArmoRM and near 1 or beyond with others; neither is bounded. */
const SCORES = [-10, -5, -2, -1, -0.5, -0.2, 0, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.5, 1, 2, 5, 10]
/** Ratings are regressed on labels between 0 and 1. */
const RATINGS = [-1, -0.5, 0, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2]
const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1]
/** Percentiles of the reference at which buckets end. */
const EDGES = [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 100]

/** A reward as the metrics see it. */
export interface MeasuredReward {
  readonly score: number
  /** `[K]` */
  readonly ratings: Float32Array
  /** `[K]` */
  readonly gating: Float32Array
  readonly responseTokens: number
}

export class RewardMetrics {
  readonly #score: Histogram
  readonly #ratings: readonly Histogram.Internal<'objective'>[]
  readonly #entropy: Histogram
  readonly #topShare: Histogram
  readonly #top: readonly Counter.Internal[]
  readonly #window = new RewardWindow()

  /** @param reference - null when the bundle has none: then there are no figures of drift */
  constructor(registry: Registry, { model, objectives }: Manifest, reference: Reference | null) {
    const registers = [registry]
    this.#score = new Histogram({
      name: 'armorm_score',
      help: "Scores given; buckets end at percentiles of the bundle's reference.",
      buckets: reference ? edgesOf([reference.score]) : SCORES,
      registers
    })
    const rating = new Histogram({
      name: 'armorm_objective_reward',
      help: 'Raw ratings given, by objective.',
      buckets: reference ? edgesOf(reference.objectives.map(({ rating }) => rating)) : RATINGS,
      labelNames: ['objective'],
      registers
    })
    this.#ratings = objectives.map(({ name }) => rating.labels({ objective: name }))
    this.#entropy = new Histogram({
      name: 'armorm_gate_entropy',
      help: 'Entropy of the gating weights over that of equal ones: 0 one objective has all, 1 uniform.',
      buckets: SHARES,
      registers
    })
    this.#topShare = new Histogram({
      name: 'armorm_gate_top_share',
      help: "Share of a conversation's largest gating weight.",
      buckets: SHARES,
      registers
    })
    const top = new Counter({
      name: 'armorm_gate_top_total',
      help: 'Conversations in which the objective has the largest gating weight.',
      labelNames: ['objective'],
      registers
    })
    this.#top = objectives.map(({ name }) => top.labels({ objective: name }))
    const { revision } = model
    const window = (name: string, help: string, read: (figures: WindowFigures) => number | null) =>
      sampled(registry, `window_${name}`, `Of the latest 1,024 computed: ${help}`, revision, () => {
        const figures = this.#window.figures()
        return figures && read(figures)
      })
    window('conversations', 'how many there are; no series before 100.', ({ conversations }) => conversations)
    window('score_mean', 'mean score.', ({ scoreMean }) => scoreMean)
    window('score_deviation', 'standard deviation of the score.', ({ scoreDeviation }) => scoreDeviation)
    window('score_length_correlation', 'rank correlation of score and response tokens.', (figures) => {
      return figures.scoreLengthCorrelation
    })
    window('gate_entropy', 'mean of armorm_gate_entropy.', ({ gateEntropy }) => gateEntropy)
    window('top_objective_share', 'largest share in which one objective has the largest weight.', (figures) => {
      return figures.topObjectiveShare
    })
    window('score_drift', 'distance of the scores from the reference (Kolmogorov-Smirnov): 0 to 1.', (figures) => {
      return reference && distributionDistance(figures.scores, reference.score)
    })
    window('score_shift', "mean score less the reference's, in its standard deviations.", ({ scoreMean }) => {
      if (!reference || reference.score.standard_deviation === 0) return null
      return (scoreMean - reference.score.mean) / reference.score.standard_deviation
    })
    sampled(
      registry,
      'reference_score_length_correlation',
      'The same rank correlation in the reference.',
      revision,
      () => {
        return reference && reference.score_length_correlation
      }
    )
    sampled(registry, 'reference_gate_entropy', 'Mean of armorm_gate_entropy in the reference.', revision, () => {
      return reference && reference.gate_entropy.mean
    })
  }

  /** A reward that was given. @param computed - false when it came from memory: a repeat says nothing new of traffic */
  given({ score, ratings, gating, responseTokens }: MeasuredReward, computed: boolean): void {
    this.#score.observe(score)
    for (const [k, rating] of ratings.entries()) this.#ratings[k]?.observe(rating)
    if (!computed) return
    const { entropy, topShare, top } = this.#window.add({ score, responseTokens, gating })
    this.#entropy.observe(entropy)
    this.#topShare.observe(topShare)
    this.#top[top]?.inc()
  }
}

/** A gauge that asks for its value at each scrape, and has no series while there is none. */
function sampled(registry: Registry, name: string, help: string, revision: string, sample: () => number | null): void {
  new Gauge({
    name: `armorm_${name}`,
    help,
    labelNames: ['revision'],
    registers: [registry],
    collect() {
      this.reset()
      const value = sample()
      if (value !== null) this.set({ revision }, value)
    }
  })
}

/** Rising edges at percentiles of several distributions taken together. */
function edgesOf(distributions: readonly Distribution[]): number[] {
  const all = distributions.flatMap(({ percentiles }) => percentiles).sort((a, b) => a - b)
  const at = EDGES.map((percentile) => all[Math.round((percentile / 100) * (all.length - 1))] as number)
  return [...new Set(at)]
}
