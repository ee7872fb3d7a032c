/** What the steps have left in the work folder, for the model card and the report: each part may be missing. */
import { join } from 'node:path'
import { ArmormError } from '../errors.js'
import { BASELINES_FILE } from './baselines/result.js'
import { type DataSummary, dataSummaries } from './data-summary.js'
import { DEBIAS_FILE, type DebiasResult } from './debias/result.js'
import { STAGE1_FILE, type Stage1Result } from './stage1/result.js'
import { ABLATIONS_FILE } from './stage2/ablate.js'
import { STAGE2_FILE, type Stage2Result } from './stage2/result.js'
import { changedSince, type MadeFrom } from './made-from.js'
import { fingerprint, readJson } from './work-files.js'

export interface Accuracy {
  /** Share, 0..1, of pairs whose chosen response scores higher. */
  readonly accuracy: number
  readonly low: number
  readonly high: number
  readonly pairs: number
}

export interface Difference {
  readonly difference: number
  readonly low: number
  readonly high: number
}

/** A way to tell the better response, and how often it does. */
export interface ComparedRow {
  readonly name: string
  readonly all: Accuracy
  readonly categories: Readonly<Record<string, Accuracy>>
  /** Of the gate's accuracy minus this one's. */
  readonly difference?: Difference
}

/** What baselines.json and ablations.json have in common. */
export interface ComparedPart {
  /** Of baselines.json: of its settings and of stage 2. */
  readonly fingerprint?: string
  /** Of ablations.json. */
  readonly made_from?: MadeFrom
  readonly rows: readonly ComparedRow[]
  readonly settings?: { readonly confidence?: number }
  /** Compared pairs whose prompt is rated too. */
  readonly rated_prompts?: number
  readonly warnings?: readonly { readonly sign: string; readonly message: string }[]
  readonly seconds?: number
}

export interface Results {
  readonly data: readonly DataSummary[]
  readonly stage1: Stage1Result | null
  readonly debias: DebiasResult | null
  readonly stage2: Stage2Result | null
  readonly baselines: ComparedPart | null
  readonly ablations: ComparedPart | null
}

/** @throws ArmormError invalid_work naming a file that is not what its step writes */
export async function readResults(work: string): Promise<Results> {
  return {
    data: await dataSummaries(work),
    stage1: await part<Stage1Result>(work, STAGE1_FILE, ['objectives', 'model']),
    debias: await part<DebiasResult>(work, DEBIAS_FILE, ['objectives', 'penalties', 'correlation']),
    stage2: await part<Stage2Result>(work, STAGE2_FILE, ['settings', 'curve', 'weights']),
    baselines: await part<ComparedPart>(work, BASELINES_FILE, ['rows']),
    ablations: await part<ComparedPart>(work, ABLATIONS_FILE, ['rows'])
  }
}

/** Steps whose results are not of what is there now, as a step before them has run again; and why. */
export function outdated({
  stage1,
  debias,
  stage2,
  baselines,
  ablations,
  data
}: Results): [step: string, why: string][] {
  const preferences = data.find(({ set }) => set === 'preferences')?.fingerprint
  const now: Partial<MadeFrom> = {
    ...(stage1 && { stage1: stage1.fingerprint }),
    ...(debias && { debias: debias.fingerprint }),
    ...(preferences !== undefined && { preferences })
  }
  const since = (step: string, from: MadeFrom | undefined) =>
    changedSince(from, now).map((why): [string, string] => [step, why])
  const found = since('stage2', stage2?.made_from)
  if (stage1 && debias?.stage1 !== undefined && debias.stage1 !== stage1.fingerprint) {
    found.unshift(['debias', 'stage 1 has run again'])
  }
  const { fingerprint: stated, settings } = baselines ?? {}
  if (stage2 && stated !== undefined && stated !== fingerprint(settings, stage2.fingerprint)) {
    found.push(['baselines', 'stage 2 has run again'])
  }
  return [...found, ...since('ablate', ablations?.made_from)]
}

async function part<T>(work: string, file: string, keys: readonly (keyof T & string)[]): Promise<T | null> {
  const path = join(work, file)
  const found = await readJson(path)
  if (found === undefined) return null
  if (typeof found === 'object' && found !== null && keys.every((key) => Object.hasOwn(found, key))) return found as T
  throw new ArmormError('invalid_work', `${path} has no ${keys.join(', ')}: it is not what the step writes`)
}
