/** `train.json`: settings of `armorm train`, one section a step; each step's folder has its own. */
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { schemaProblem } from '../bundle/schema-problem.js'
import { ArmormError } from '../errors.js'
import { AssembleSettings } from './assemble/settings.js'
import { BaselinesSettings } from './baselines/settings.js'
import { DebiasSettings } from './debias/settings.js'
import { DataSettings, EmbedSettings } from './embed/settings.js'
import { ReportSettings } from './report/settings.js'
import { DerivedObjectives, Stage1Settings } from './stage1/settings.js'
import { Stage2Settings } from './stage2/settings.js'
import { readJson } from './work-files.js'

export const TrainSettings = Type.Object(
  {
    seed: Type.Integer({ minimum: 0, maximum: 0xffffffff, default: 1, description: 'of every split and sample' }),
    objectives: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'objectives to train, in the order of the model; without it all that have labels'
      })
    ),
    derived: DerivedObjectives,
    hold_out_test_prompts: Type.Boolean({
      default: true,
      description: "whether the prompts of stage 2's test pairs are held out from stage 1 and debiasing too"
    }),
    data: DataSettings,
    embed: EmbedSettings,
    stage1: Stage1Settings,
    debias: DebiasSettings,
    stage2: Stage2Settings,
    baselines: BaselinesSettings,
    assemble: AssembleSettings,
    report: ReportSettings
  },
  { additionalProperties: false }
)
export type TrainSettings = Static<typeof TrainSettings>

/**
 * Settings of a value as a file states it, defaults filled in.
 * @param source name of the file, for messages
 * @throws ArmormError invalid_config naming the key
 */
export function trainSettings(stated: unknown, source: string): TrainSettings {
  const settings = Value.Default(TrainSettings, structuredClone(stated))
  if (Value.Check(TrainSettings, settings)) {
    checkScales(settings, source)
    return settings
  }
  throw new ArmormError('invalid_config', `${source}: ${schemaProblem(Value.Errors(TrainSettings, settings))}`)
}

/** @throws ArmormError invalid_config for a scale of which both ends are the same */
function checkScales({ data }: TrainSettings, source: string): void {
  for (const [i, { ratings = {} }] of data.columns.files.entries()) {
    for (const [objective, { scale }] of Object.entries(ratings)) {
      if (!Array.isArray(scale) || scale[0] !== scale[1]) continue
      const where = `/data/columns/files/${i}/ratings/${objective}/scale`
      throw new ArmormError('invalid_config', `${source}: ${where} has two ends that are the same, ${scale[0]}`)
    }
  }
}

/** Settings where none are stated. */
export function defaultSettings(): TrainSettings {
  return trainSettings({}, 'the default settings')
}

/**
 * Reads `train.json`; without a file all settings have their defaults.
 * @throws ArmormError invalid_config naming file and key, or when the file is no JSON
 */
export async function readSettings(path?: string): Promise<TrainSettings> {
  if (path === undefined) return defaultSettings()
  const stated = await readJson(path).catch((error: unknown) => {
    if (error instanceof ArmormError) throw new ArmormError('invalid_config', error.message, {}, error)
    throw error
  })
  if (stated === undefined) throw new ArmormError('invalid_config', `${path} does not exist`)
  return trainSettings(stated, path)
}
