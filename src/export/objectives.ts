/** Names, source sets and native scales of a model's objectives. */
import type { Objective } from '../bundle/manifest.js'
import type { ModelConfig } from '../checkpoint/config.js'
import { ArmormError } from '../errors.js'

/** The 19 objectives of RLHFlow/ArmoRM-Llama3-8B-v0.1 in index order (its README), as `source set-attribute`. */
const ARMORM = [
  'helpsteer-helpfulness',
  'helpsteer-correctness',
  'helpsteer-coherence',
  'helpsteer-complexity',
  'helpsteer-verbosity',
  'ultrafeedback-overall_score',
  'ultrafeedback-instruction_following',
  'ultrafeedback-truthfulness',
  'ultrafeedback-honesty',
  'ultrafeedback-helpfulness',
  'beavertails-is_safe',
  'prometheus-score',
  'argilla-overall_quality',
  'argilla-judge_lm',
  'code-complexity',
  'code-style',
  'code-explanation',
  'code-instruction-following',
  'code-readability'
] as const

/** Vocabulary of ArmoRM: Llama-3's and one padding token. */
const ARMORM_VOCAB_SIZE = 128257

/** HelpSteer rates 0..4, stored as (rating + 0.5) / 5 (ArmoRM's README). */
const HELPSTEER_SCALE = { multiplier: 5, offset: -0.5, low: 0, high: 4 }
const HELPSTEER = new Set<string>(ARMORM.slice(0, 5))
const SOURCE_SETS = new Map<string, string>(ARMORM.map((name) => [name, name.slice(0, name.indexOf('-'))]))

type NamedObjectives = Pick<ModelConfig, 'objectives' | 'objectiveNames' | 'vocabSize'>

/**
 * The objectives of a model in index order.
 * @param given names for a checkpoint that has none
 * @param sourceSets data set of each objective by name, where the table does not know it
 * @throws ArmormError invalid_config when names do not fit
 */
export function resolveObjectives(
  config: NamedObjectives,
  given: readonly string[] | undefined,
  sourceSets: ReadonlyMap<string, string> = new Map()
): Objective[] {
  const names = objectiveNames(config, given)
  for (const name of sourceSets.keys()) {
    if (!names.includes(name))
      throw new ArmormError('invalid_config', `--source-sets names ${name}, which is no objective`)
  }
  return names.map((name) => ({
    name,
    source_set: sourceSets.get(name) ?? SOURCE_SETS.get(name) ?? null,
    native_scale: HELPSTEER.has(name) ? { ...HELPSTEER_SCALE } : null
  }))
}

/**
 * Names come from the checkpoint's `objective_names`, else from the caller, else from the table of known models, else
 * they are `objective_0`, `objective_1`, ...
 */
function objectiveNames(config: NamedObjectives, given: readonly string[] | undefined): readonly string[] {
  if (config.objectiveNames) return config.objectiveNames
  if (given) {
    if (given.length !== config.objectives) {
      throw new ArmormError(
        'invalid_config',
        `--objectives has ${given.length} names; the model has ${config.objectives} objectives`
      )
    }
    if (new Set(given).size !== given.length || given.some((name) => name === '')) {
      throw new ArmormError('invalid_config', '--objectives must be distinct names')
    }
    return given
  }
  if (config.objectives === ARMORM.length && config.vocabSize === ARMORM_VOCAB_SIZE) return ARMORM
  return Array.from({ length: config.objectives }, (_, index) => `objective_${index}`)
}
