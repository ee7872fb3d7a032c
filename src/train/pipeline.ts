/** `armorm train` as the whole: the steps in their order, without those whose results are there already. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { checksum } from '../bundle/files.js'
import { CONFIG_FILE } from '../checkpoint/config.js'
import { ArmormError } from '../errors.js'
import { outFolder } from '../export/out-folder.js'
import { runAssemble } from './assemble/assemble.js'
import { runBaselines } from './baselines/baselines.js'
import { BASELINES_FILE } from './baselines/result.js'
import { runDebias } from './debias/debias.js'
import { DEBIAS_FILE } from './debias/result.js'
import { type EmbedOptions, runEmbed } from './embed/embed.js'
import { INDEX_FILE, setFolder, type SetName, SETS } from './embedded-set.js'
import type { TrainLog } from './log.js'
import { REPORT_FILE, runReport } from './report/report.js'
import type { TrainSettings } from './settings.js'
import { STAGE1_FILE, STAGE1_WEIGHTS } from './stage1/result.js'
import { runStage1 } from './stage1/stage1.js'
import { ABLATIONS_FILE } from './stage2/ablate.js'
import { GATING_WEIGHTS, STAGE2_FILE } from './stage2/result.js'
import { runStage2 } from './stage2/stage2.js'
import { partialName } from '../whole-file.js'
import { fingerprint, readJson, writeJson } from './work-files.js'

export interface TrainOptions extends EmbedOptions {
  /** Folder of the checkpoint to write. */
  readonly out: string
}

type Place = Pick<Run, 'work' | 'out'>

interface Run extends TrainOptions {
  readonly work: string
  readonly settings: TrainSettings
  readonly log: TrainLog
}

/** A step after the embedding, which knows by itself what is there. */
interface Step {
  readonly name: string
  /** What of the settings, and of the options, its results depend on. */
  readonly settings: (run: Run) => unknown
  /** Paths of files that its results depend on; one that is not there counts as such. */
  readonly reads: (run: Run) => readonly string[]
  /** Paths of files by which its results are known. */
  readonly writes: (run: Run) => readonly string[]
  /** @param wanted fingerprint that its record is to have */
  readonly start: (run: Run, wanted: string) => Promise<unknown>
}

const ASSEMBLE = 'assemble'
const HEAD = [STAGE1_FILE, STAGE1_WEIGHTS]
const GATE = [STAGE2_FILE, GATING_WEIGHTS]

const files = ({ work }: Run, ...names: string[]): string[] => names.map((name) => join(work, name))
/** Config and weights of a checkpoint; none where there is no such folder, which the step that reads it says. */
const checkpointFiles = (folder: string): string[] =>
  (statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(folder) : [])
    .filter((name) => name === CONFIG_FILE || name.includes('.safetensors'))
    .map((name) => join(folder, name))
const index = ({ work }: Run, set: SetName): string => join(setFolder(work, set), INDEX_FILE)

const STEPS: readonly Step[] = [
  {
    name: 'stage1',
    settings: ({ settings: { seed, objectives, derived, stage1, hold_out_test_prompts: holdOut, stage2 } }) => {
      return { seed, objectives, derived, stage1, testShare: holdOut ? stage2.test_share : null }
    },
    // Of the preferences, which prompts are for testing.
    reads: (run) => [index(run, 'ratings'), index(run, 'preferences')],
    writes: (run) => files(run, ...HEAD),
    start: ({ work, settings, log }) => runStage1(work, settings, log)
  },
  {
    name: 'debias',
    settings: ({ settings }) => settings.debias,
    // The preferences tell the prompts for testing, and stand in for a reference set that is not there.
    reads: (run) => [...files(run, ...HEAD), index(run, 'reference'), index(run, 'preferences')],
    writes: (run) => files(run, DEBIAS_FILE),
    start: ({ work, settings, log }) => runDebias(work, settings, log)
  },
  {
    name: 'stage2',
    // Ablations are a command of their own.
    settings: ({ settings: { seed, stage2 } }) => ({ seed, stage2: { ...stage2, ablations: undefined } }),
    reads: (run) => [...files(run, ...HEAD, DEBIAS_FILE), index(run, 'preferences')],
    writes: (run) => files(run, ...GATE),
    start: ({ work, settings, log }) => runStage2(work, settings, log)
  },
  {
    name: 'baselines',
    settings: ({ settings }) => settings.baselines,
    reads: (run) => [
      ...files(run, ...HEAD, DEBIAS_FILE, ...GATE),
      index(run, 'preferences'),
      ...run.settings.baselines.compare.flatMap(checkpointFiles)
    ],
    writes: (run) => files(run, BASELINES_FILE),
    start: ({ work, settings, log }) => runBaselines(work, settings, log)
  },
  {
    name: ASSEMBLE,
    settings: (run) => ({
      ...run.settings.assemble,
      backbone: resolve(run.backbone),
      out: pathFrom(run, run.out)
    }),
    reads: (run) => files(run, ...HEAD, DEBIAS_FILE, ...GATE, BASELINES_FILE),
    writes: ({ out }) => [join(out, CONFIG_FILE)],
    start: (run, wanted) => {
      const { work, settings, log, backbone, out } = run
      const mayReplace = () => checkOut(run)
      // Noted before it appears: of a run that is killed in between the next one has to know its own checkpoint.
      const onWhole = async (folder: string) => {
        const { sha256 } = await checksum(join(folder, CONFIG_FILE))
        const wrote = { [pathFrom(run, join(out, CONFIG_FILE))]: sha256 }
        await note(run, ASSEMBLE, { fingerprint: wanted, wrote, out: await namesIn(folder) })
      }
      return runAssemble(work, settings, log, { backbone, out, mayReplace, onWhole })
    }
  },
  {
    name: 'report',
    settings: (run) => pathFrom(run, run.out),
    reads: (run) => [
      ...SETS.map((set) => index(run, set)),
      ...files(run, STAGE1_FILE, DEBIAS_FILE, STAGE2_FILE, BASELINES_FILE, ABLATIONS_FILE)
    ],
    writes: ({ out }) => [join(out, REPORT_FILE)],
    start: ({ work, log, out }) => runReport(work, log, join(out, REPORT_FILE))
  }
]

/** Steps by name, as they were when they ran. */
type StepRecords = Readonly<Record<string, StepRecord>>

interface StepRecord {
  /** Of settings and of the files that were read. */
  readonly fingerprint: string
  /** SHA-256 of the files that it wrote, by their path from the work folder. */
  readonly wrote: Readonly<Record<string, string>>
  /** Of `assemble`, names in the folder of the checkpoint. */
  readonly out?: readonly string[]
}

const RECORD_FILE = 'steps.json'

/**
 * Trains: embeds the data, then runs each step whose settings, inputs or results are not those of its last run.
 * @throws ArmormError invalid_config before any work when a set or `out` is unusable; those of the steps
 */
export async function runTrain(
  work: string,
  settings: TrainSettings,
  log: TrainLog,
  options: TrainOptions
): Promise<void> {
  const run: Run = { ...options, work, settings, log }
  await checkTrain(work, options)
  await runEmbed(work, settings, log, options)
  for (const step of STEPS) {
    const wanted = await fingerprintOf(step, run)
    const last = (await readRecord(work))[step.name]
    if (last?.fingerprint === wanted && (await unchanged(run, last))) {
      log.line(`${step.name}: is there`)
      continue
    }
    log.line(`${step.name}: starts`)
    await step.start(run, wanted)
    // It has noted itself.
    if (step.name === ASSEMBLE) continue
    await note(run, step.name, { fingerprint: wanted, wrote: await checksums(run, step.writes(run)) })
  }
}

/**
 * What would keep `runTrain` from its end, and should not be found after hours.
 * @throws ArmormError invalid_config naming the option
 */
export async function checkTrain(work: string, options: TrainOptions): Promise<void> {
  for (const set of ['ratings', 'preferences'] as const) {
    if (options.files[set].length === 0) throw new ArmormError('invalid_config', `armorm train needs --${set}`)
  }
  // The folder of the checkpoint is replaced as a whole.
  const [inner, outer] = [await outFolder(work), await outFolder(options.out)]
  if (`${inner}${sep}`.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)) {
    throw new ArmormError('invalid_config', `the work folder ${work} lies within --out ${options.out}; name another`)
  }
  await checkOut({ ...options, work })
}

/** What this work folder did not write is not replaced. */
async function checkOut(run: Place): Promise<void> {
  const { work, out } = run
  const present = await namesIn(out)
  if (present.length === 0) return
  const records = await readRecord(work)
  const last = records[ASSEMBLE]
  const ours = last !== undefined && pathFrom(run, join(out, CONFIG_FILE)) in last.wrote && (await unchanged(run, last))
  const known = new Set([...(last?.out ?? []), REPORT_FILE, partialName(REPORT_FILE)])
  if (ours && present.every((name) => known.has(name))) return
  throw new ArmormError('invalid_config', `--out ${out} is not empty, and not just what ${work} wrote there`)
}

async function namesIn(folder: string): Promise<string[]> {
  return existsSync(folder) ? readdir(folder) : []
}

async function readRecord(work: string): Promise<StepRecords> {
  return ((await readJson(join(work, RECORD_FILE))) ?? {}) as StepRecords
}

async function note({ work }: Run, name: string, record: StepRecord): Promise<void> {
  await writeJson(join(work, RECORD_FILE), { ...(await readRecord(work)), [name]: record })
}

async function fingerprintOf(step: Step, run: Run): Promise<string> {
  return fingerprint(step.settings(run), await checksums(run, step.reads(run)))
}

async function unchanged(run: Place, { wrote }: StepRecord): Promise<boolean> {
  const paths = Object.keys(wrote).map((path) => resolve(run.work, path))
  return fingerprint(await checksums(run, paths)) === fingerprint(wrote)
}

const pathFrom = ({ work }: Place, path: string): string => relative(resolve(work), resolve(path))

/** SHA-256 by the path from the work folder, which may be moved; "none" for a file that is not there. */
async function checksums(run: Place, paths: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const path of paths) found[pathFrom(run, path)] = existsSync(path) ? (await checksum(path)).sha256 : 'none'
  return found
}
