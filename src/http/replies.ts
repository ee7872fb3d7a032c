/** Rewards and errors in the words of the wire. */
import type { Manifest } from '../bundle/manifest.js'
import { decimal } from '../decimal.js'
import { ArmormError } from '../errors.js'
import { contributions, type Explanation } from '../scoring/explanation.js'
import type { Outcome, Reward, Usage } from '../scoring/reward.js'
import type { ExplainReply } from './schemas/explain.js'
import type { InputId } from './schemas/inputs.js'
import type { Failure, Nested, Result, Returnable } from './schemas/score.js'

/** Milliseconds to the microsecond. */
export function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000
}

export function modelReply({ model, backbone }: Manifest) {
  return { name: model.name, revision: model.revision, precision: backbone.precision }
}

export function usageReply({ tokens, promptTokens, responseTokens, trimmedTokens, cachedTokens }: Usage) {
  return {
    tokens,
    prompt_tokens: promptTokens,
    response_tokens: responseTokens,
    trimmed_tokens: trimmedTokens,
    cached_tokens: cachedTokens
  }
}

/** Sum of the usage of all rewards. */
export function totalUsage(rewards: readonly Reward[]): Usage {
  const total = { tokens: 0, promptTokens: 0, responseTokens: 0, trimmedTokens: 0, cachedTokens: 0 }
  for (const { usage } of rewards) {
    total.tokens += usage.tokens
    total.promptTokens += usage.promptTokens
    total.responseTokens += usage.responseTokens
    total.trimmedTokens += usage.trimmedTokens
    total.cachedTokens += usage.cachedTokens
  }
  return total
}

export function errorReply({ code, message, details }: ArmormError) {
  return { error: { code, message, details } }
}

/** One entry of `results`, with the parts that were asked for. */
export function resultReply(
  id: InputId | undefined,
  outcome: Outcome | readonly Outcome[],
  names: readonly string[],
  wanted: ReadonlySet<Returnable>
): Result | Nested | Failure {
  const echo = id === undefined ? {} : { id }
  if (outcome instanceof ArmormError) return { ...echo, ...errorReply(outcome) }
  if (isList(outcome)) {
    return { ...echo, results: outcome.map((each) => resultReply(undefined, each, names, wanted)) } as Nested
  }
  const { ratings, gating, adjusted, usage } = outcome
  return {
    ...echo,
    ...(wanted.has('explain_id') && { explain_id: outcome.explainId }),
    score: decimal(outcome.score),
    ...(wanted.has('ratings') && { ratings: byName(names, ratings) }),
    ...(wanted.has('gating') && { gating: byName(names, gating) }),
    ...(wanted.has('contributions') && { contributions: byName(names, contributions(gating, adjusted)) }),
    ...(wanted.has('usage') && { usage: usageReply(usage) }),
    truncated: usage.trimmedTokens > 0
  }
}

export function explanationReply(explanation: Explanation, usage: Usage, manifest: Manifest): ExplainReply {
  return {
    model: modelReply(manifest),
    score: decimal(explanation.score),
    uniform_score: decimal(explanation.uniformScore),
    gate: {
      effective_objectives: decimal(explanation.effectiveObjectives),
      sum: decimal(explanation.gatingSum)
    },
    top: explanation.top.map(({ name, contribution, share }) => ({
      name,
      contribution: decimal(contribution),
      share: decimal(share)
    })),
    objectives: explanation.objectives.map((objective) => ({
      name: objective.name,
      source_set: objective.sourceSet,
      rating: decimal(objective.rating),
      native: objective.native && { ...objective.native, value: decimal(objective.native.value) },
      removed: decimal(objective.removed),
      adjusted: decimal(objective.adjusted),
      gating: decimal(objective.gating),
      contribution: decimal(objective.contribution),
      coefficient: decimal(objective.coefficient)
    })),
    usage: usageReply(usage),
    truncated: usage.trimmedTokens > 0
  }
}

function isList(outcome: Outcome | readonly Outcome[]): outcome is readonly Outcome[] {
  return Array.isArray(outcome)
}

function byName(names: readonly string[], values: Float32Array | Float64Array): Record<string, number> {
  return Object.fromEntries(names.map((name, j) => [name, decimal(values[j] ?? 0)]))
}
