/** `armorm train embed`: hidden states of the data's rows, shard by shard, into the work folder. */
import { mkdir } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Bundle } from '../../bundle/load.js'
import { checksum } from '../../bundle/files.js'
import { usableThreads } from '../../engine/threads.js'
import { ArmormError } from '../../errors.js'
import {
  type EmbeddedHeader,
  type EmbeddedRow,
  EmbeddedSetWriter,
  LABELS,
  type PerResponse,
  setFolder,
  type SetName,
  SETS,
  STATES
} from '../embedded-set.js'
import type { TrainLog } from '../log.js'
import type { TrainSettings } from '../settings.js'
import { DEFAULT_DERIVED } from '../stage1/objectives.js'
import { fingerprint } from '../work-files.js'
import { openBackbone } from './backbone.js'
import { type EmbeddedItem, Embedder, type RowStates } from './embedder.js'
import { charactersOf, type DataSource, type EmbedPlan, plannedRows, planRows } from './plan.js'
import { columnsOf, type TrainRow, unmatched } from './train-row.js'

export interface EmbedOptions {
  /** Bundle, or checkpoint. */
  readonly backbone: string
  /** Files of each set; a set without files is not embedded. */
  readonly files: Readonly<Record<SetName, readonly string[]>>
  /** Threads of the engine; left out: as many as there are. */
  readonly threads?: number
  /** Throws away sets that were embedded with other settings, data or model. */
  readonly restart?: boolean
}

/** Rows between two words of progress, at least; the first comes early. */
const PROGRESS_ROWS = 16

/**
 * Embeds the sets that have files. What an earlier run left whole is kept.
 * @throws ArmormError invalid_data naming file and line; invalid_config; invalid_work where a set was embedded with
 *   other settings, data or model; those of opening the backbone
 */
export async function runEmbed(
  work: string,
  settings: TrainSettings,
  log: TrainLog,
  { backbone, files, threads = usableThreads(), restart = false }: EmbedOptions
): Promise<void> {
  if (SETS.every((set) => files[set].length === 0)) {
    throw new ArmormError('invalid_config', 'there is nothing to embed: give --ratings, --preferences or --reference')
  }
  await mkdir(work, { recursive: true })
  const bundle = await openBackbone(backbone, work, log)
  const limit = bundle.manifest.max_tokens
  const maxTokens = Math.min(settings.embed.max_tokens || limit, limit)
  for (const pattern of unmatched(Object.values(files).flat(), settings.data)) {
    log.line(`warning: data.columns: no file of this run is called ${pattern}`)
  }
  // All data is read, and all sets are opened, before the first hour is spent.
  const sets = []
  for (const set of SETS.filter((set) => files[set].length > 0)) {
    const { data, seed, objectives: wanted } = settings
    const derived = (settings.derived ?? [DEFAULT_DERIVED]).map(({ name }) => name)
    const source = { set, files: files[set], data, seed, wanted, derived }
    const plan = await planRows(source)
    log.line(planText(source, plan))
    for (const warning of plan.warnings) log.line(`warning: ${warning}`)
    const header = await headerOf(source, plan, bundle, maxTokens)
    sets.push({ source, plan, writer: await EmbeddedSetWriter.open(setFolder(work, set), header, restart) })
  }
  const open = sets.filter(({ writer }) => !writer.complete)
  for (const { source, writer } of sets) if (writer.complete) log.line(`${source.set}: ${writer.rows} rows are there`)
  if (open.length === 0) return
  const embedder = await Embedder.start({ bundle, threads, maxTokens })
  try {
    for (const each of open)
      await embedSet({ ...each, embedder, settings, log, hidden: bundle.manifest.backbone.hidden_size })
  } finally {
    await embedder.close()
  }
}

async function headerOf(
  source: DataSource,
  { objectives }: EmbedPlan,
  { manifest: { model, backbone } }: Bundle,
  maxTokens: number
): Promise<EmbeddedHeader> {
  const { name, revision } = model
  const hashes: string[] = []
  for (const path of source.files) {
    const { sha256, bytes } = await checksum(path)
    const same = source.files[hashes.indexOf(sha256)]
    if (same !== undefined && bytes > 0) {
      throw new ArmormError(
        'invalid_config',
        `--${source.set}: ${same} and ${path} are the same: rows would count twice`
      )
    }
    hashes.push(sha256)
  }
  return {
    set: source.set,
    model: { name, revision },
    hidden: backbone.hidden_size,
    ...(source.set === 'ratings' && { objectives }),
    files: source.files.map((path, i) => ({ file: basename(path), sha256: hashes[i]! })),
    fingerprint: fingerprint({ revision, maxTokens, data: dataFingerprint(source, hashes) })
  }
}

/**
 * Of what decides rows and their labels, and of nothing else: hours of work should not be lost to a setting of another
 * file, or to the number of threads.
 */
function dataFingerprint({ set, files, data, seed }: DataSource, hashes: readonly string[]): string {
  const contents = files.map((path, i) => ({ sha256: hashes[i], columns: columnsOf(path, data) }))
  const { max_rows, max_rows_per_source, split, out_of_range } = data
  return fingerprint({
    set,
    contents,
    ...(split !== 'all' && { split }),
    ...(set === 'ratings' && { out_of_range }),
    ...((max_rows > 0 || max_rows_per_source > 0) && { max_rows, max_rows_per_source, seed })
  })
}

function planText({ set }: DataSource, { rows, objectives, unrated, leftOut }: EmbedPlan): string {
  const parts = [
    set === 'ratings' && `${objectives.length} objectives`,
    unrated > 0 && `${unrated} without a rating`,
    leftOut > 0 && `${leftOut} left out by split or caps`
  ].filter((part) => part !== false)
  return `${set}: ${rows} rows${parts.length > 0 ? ` (${parts.join(', ')})` : ''}`
}

interface SetRun {
  readonly source: DataSource
  readonly plan: EmbedPlan
  readonly writer: EmbeddedSetWriter
  readonly embedder: Embedder
  readonly settings: TrainSettings
  readonly log: TrainLog
  readonly hidden: number
}

async function embedSet({ source, plan, writer, embedder, settings, log, hidden }: SetRun): Promise<void> {
  const { set } = source
  const before = writer.covered
  if (before > 0) log.line(`${set}: goes on after ${before} rows`)
  const progress = new Rate(plan, log, set)
  const shard = new Shard(set, settings.embed.shard_rows, hidden, plan.objectives)
  let skipped = 0
  const flush = async (): Promise<void> => {
    const { rows, tensors } = shard.take()
    await writer.writeShard(rows, tensors, skipped)
    skipped = 0
  }
  const rows = skip(plannedRows(source, plan), before, (row) => progress.known(row))
  for await (const item of embedder.embed(rows)) {
    if (item.states instanceof ArmormError) {
      const { code, message } = item.states
      const text = `${item.row.place}: ${code}: ${message}`
      if (settings.embed.refused === 'error') throw new ArmormError('invalid_data', text, {}, item.states)
      log.line(`skipped ${text}`)
      skipped++
    } else shard.add(item.row, item.states)
    progress.done(item)
    if (shard.full) await flush()
  }
  if (shard.size > 0 || skipped > 0) await flush()
  if (writer.rows === 0) throw new ArmormError('invalid_data', `${set}: every row was refused`)
  await writer.finish()
  log.line(`${set}: ${writer.rows} rows embedded; ${progress.summary()}`)
}

async function* skip(rows: AsyncIterable<TrainRow>, count: number, skipped: (row: TrainRow) => void) {
  for await (const row of rows) {
    if (count-- > 0) skipped(row)
    else yield row
  }
}

/** Rows of a shard as they come. */
class Shard {
  readonly #set: SetName
  readonly #objectives: readonly string[]
  readonly #tensors: Record<string, Float32Array>
  readonly #hidden: number
  readonly #limit: number
  #rows: EmbeddedRow[] = []

  constructor(set: SetName, limit: number, hidden: number, objectives: readonly string[]) {
    this.#set = set
    this.#objectives = objectives
    this.#hidden = hidden
    this.#limit = limit
    this.#tensors = Object.fromEntries(STATES[set].map((name) => [name, new Float32Array(limit * hidden)]))
    if (set === 'ratings') this.#tensors[LABELS] = new Float32Array(limit * objectives.length)
  }

  get size(): number {
    return this.#rows.length
  }

  get full(): boolean {
    return this.size >= this.#limit
  }

  add({ place, key, source, category, split, margin, responses, labels }: TrainRow, states: RowStates): void {
    const states_ = [...states.responseStates, states.promptState]
    STATES[this.#set].forEach((name, i) => this.#tensors[name]!.set(states_[i]!, this.size * this.#hidden))
    this.#objectives.forEach((objective, k) => {
      this.#tensors[LABELS]![this.size * this.#objectives.length + k] = labels.get(objective) ?? NaN
    })
    this.#rows.push({
      place,
      key,
      ...(source !== undefined && { source }),
      ...(category !== undefined && { category }),
      ...(split !== undefined && { split }),
      characters: perResponse(responses.map(({ length }) => length)),
      tokens: perResponse(states.responseTokens),
      ...(margin !== undefined && { margin })
    })
  }

  /** What came since the last time. */
  take(): { rows: EmbeddedRow[]; tensors: Record<string, Float32Array> } {
    const rows = this.#rows
    const part = (values: Float32Array) => values.subarray(0, (values.length / this.#limit) * rows.length)
    this.#rows = []
    return {
      rows,
      tensors: Object.fromEntries(Object.entries(this.#tensors).map(([name, values]) => [name, part(values)]))
    }
  }
}

function perResponse([first, second]: readonly number[]): PerResponse {
  return second === undefined ? first! : [first!, second]
}

/** How far a set is, by characters, which are known beforehand; and how fast. */
class Rate {
  readonly #plan: EmbedPlan
  readonly #log: TrainLog
  readonly #set: SetName
  readonly #began = performance.now()
  #before = 0
  #characters = 0
  #rows = 0
  #tokens = 0

  constructor(plan: EmbedPlan, log: TrainLog, set: SetName) {
    this.#plan = plan
    this.#log = log
    this.#set = set
  }

  /** A row that an earlier run embedded. */
  known(row: TrainRow): void {
    this.#before += charactersOf(row)
  }

  done({ row, tokens }: EmbeddedItem): void {
    this.#characters += charactersOf(row)
    this.#rows++
    this.#tokens += tokens
    if (this.#rows % PROGRESS_ROWS !== 0) return
    const seconds = (performance.now() - this.#began) / 1000
    const left = this.#plan.characters - this.#before - this.#characters
    const eta = duration((seconds * left) / this.#characters)
    const share = (this.#before + this.#characters) / this.#plan.characters
    this.#log.progress(share, `${this.#set} ${this.summary()}, ${eta} left`)
  }

  summary(): string {
    const seconds = (performance.now() - this.#began) / 1000
    return `${(this.#rows / seconds).toFixed(1)} rows/s, ${Math.round(this.#tokens / seconds)} tokens/s`
  }
}

function duration(seconds: number): string {
  const minutes = Math.round(seconds / 60)
  return minutes < 1 ? `${Math.round(seconds)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
