/**
 * Hidden states of a data set, in a folder of shards:
 *
 * - `index.json`: what the set is, and its whole shards (`EmbeddedIndex`)
 * - `shard-00000.safetensors`, ...: float32 tensors of n rows
 * - `shard-00000.jsonl`, ...: what is known of each row (`EmbeddedRow`), in the same order
 *
 * A shard counts once the index lists it, so a writer killed at any moment leaves whole shards and goes on after them.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checksum } from '../bundle/files.js'
import { SafetensorsReader } from '../checkpoint/safetensors.js'
import { writeSafetensors } from '../checkpoint/write-safetensors.js'
import { ArmormError } from '../errors.js'
import { writeWhole } from '../whole-file.js'
import { readJson, writeJson } from './work-files.js'

export const SETS = ['ratings', 'preferences', 'reference'] as const
export type SetName = (typeof SETS)[number]

/** Folder of a set's shards within the work folder. */
export const setFolder = (work: string, set: SetName): string => join(work, 'embeddings', set)

/** Tensors `[n, hidden]` of each set, by name; ratings have `labels` `[n, objectives]` as well, NaN where there is none. */
export const STATES = {
  ratings: ['response_states', 'prompt_states'],
  preferences: ['chosen_states', 'rejected_states', 'prompt_states'],
  reference: ['response_states', 'prompt_states']
} as const satisfies Record<SetName, readonly string[]>

export const LABELS = 'labels'

/** A number for the response, or for the chosen and the rejected response of a preference. */
export type PerResponse = number | readonly [chosen: number, rejected: number]

export interface EmbeddedRow {
  /** `file:line`, or `file:row` of a Parquet file. */
  readonly place: string
  /** What rows are split by: rows of one prompt have the same. */
  readonly key: string
  readonly source?: string
  readonly category?: string
  /** Where the data states it. */
  readonly split?: 'train' | 'heldout'
  /** Characters of the response. */
  readonly characters: PerResponse
  /** Tokens of the response, the closing one included. */
  readonly tokens: PerResponse
  /** By how much the chosen response is better, where the data says so. */
  readonly margin?: number
}

export interface EmbeddedHeader {
  readonly set: SetName
  readonly model: { readonly name: string; readonly revision: string }
  /** Size of a state. */
  readonly hidden: number
  /** Columns of `labels`, in their order; ratings only. */
  readonly objectives?: readonly string[]
  /** Data that it was made of, names without folders. */
  readonly files?: readonly { readonly file: string; readonly sha256: string }[]
  /** Of everything that decides the shards: settings, data, model. */
  readonly fingerprint: string
}

export interface EmbeddedIndex extends EmbeddedHeader {
  readonly format: 1
  readonly shards: readonly ShardEntry[]
  /** Whether the last shard is there. */
  readonly complete: boolean
}

interface ShardEntry {
  readonly file: string
  readonly rows: number
  /** Rows of the data that it covers: its own, and those that were skipped. */
  readonly covered: number
  readonly sha256: string
}

export interface EmbeddedShard {
  readonly rows: readonly EmbeddedRow[]
  /** By name, row-major; see `STATES`. */
  readonly tensors: Readonly<Record<string, Float32Array>>
}

export const INDEX_FILE = 'index.json'

/** Width of each tensor of a set. */
function widths({ set, hidden, objectives }: EmbeddedHeader): [name: string, width: number][] {
  const states: [string, number][] = STATES[set].map((name) => [name, hidden])
  return set === 'ratings' ? [...states, [LABELS, objectives?.length ?? 0]] : states
}

const rowsFile = (shard: string): string => shard.replace(/\.safetensors$/, '.jsonl')

/** Writes a set shard by shard, one writer at a time. */
export class EmbeddedSetWriter {
  readonly #folder: string
  #index: EmbeddedIndex

  private constructor(folder: string, index: EmbeddedIndex) {
    this.#folder = folder
    this.#index = index
  }

  /**
   * Starts a set, or goes on with the one that is there: its whole, undamaged shards are kept.
   * @param restart throws away a set of another fingerprint, instead of refusing
   * @throws ArmormError invalid_work when the folder holds a set of another fingerprint
   */
  static async open(folder: string, header: EmbeddedHeader, restart = false): Promise<EmbeddedSetWriter> {
    const found = await findIndex(folder)
    if (found && found.fingerprint !== header.fingerprint) {
      if (!restart) {
        const what = `${folder} was embedded with other settings, data or model (${found.model.name})`
        throw new ArmormError('invalid_work', `${what}; --restart throws it away`)
      }
      await rm(folder, { recursive: true })
    }
    await mkdir(folder, { recursive: true })
    const kept = found?.fingerprint === header.fingerprint ? await wholeShards(folder, found) : []
    const complete = found?.fingerprint === header.fingerprint && found.complete && kept.length === found.shards.length
    const writer = new EmbeddedSetWriter(folder, { format: 1, ...header, shards: kept, complete })
    await writer.#store()
    const listed = new Set([INDEX_FILE, ...kept.flatMap(({ file }) => [file, rowsFile(file)])])
    for (const name of await readdir(folder)) if (!listed.has(name)) await rm(join(folder, name))
    return writer
  }

  /** Rows of the whole shards. */
  get rows(): number {
    return this.#index.shards.reduce((sum, { rows }) => sum + rows, 0)
  }

  /** Rows of the data that the whole shards cover. */
  get covered(): number {
    return this.#index.shards.reduce((sum, { covered }) => sum + covered, 0)
  }

  get complete(): boolean {
    return this.#index.complete
  }

  /**
   * @param tensors `[rows.length, width]` of each name in `STATES`, and `labels` of ratings
   * @param skipped - rows of the data that were left out since the last shard
   */
  async writeShard(rows: readonly EmbeddedRow[], tensors: EmbeddedShard['tensors'], skipped = 0): Promise<void> {
    const file = `shard-${String(this.#index.shards.length).padStart(5, '0')}.safetensors`
    const matrices = widths(this.#index).map(([name, width]) => {
      const values = tensors[name]
      if (values?.length !== rows.length * width) {
        throw new RangeError(`${name} has ${values?.length} values; ${rows.length} rows of ${width} are wanted`)
      }
      return [name, { shape: [rows.length, width], values }] as const
    })
    await writeWhole(join(this.#folder, rowsFile(file)), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await writeSafetensors(join(this.#folder, file), new Map(matrices))
    const { sha256 } = await checksum(join(this.#folder, file))
    const entry = { file, rows: rows.length, covered: rows.length + skipped, sha256 }
    this.#index = { ...this.#index, shards: [...this.#index.shards, entry] }
    await this.#store()
  }

  /** Says that no shard follows. */
  async finish(): Promise<void> {
    this.#index = { ...this.#index, complete: true }
    await this.#store()
  }

  #store(): Promise<void> {
    return writeJson(join(this.#folder, INDEX_FILE), this.#index)
  }
}

/** The shards up to the first that is missing or damaged. */
async function wholeShards(folder: string, { shards }: EmbeddedIndex): Promise<ShardEntry[]> {
  const whole: ShardEntry[] = []
  for (const shard of shards) {
    try {
      const { sha256 } = await checksum(join(folder, shard.file))
      if (sha256 !== shard.sha256 || (await readRows(folder, shard)).length !== shard.rows) break
    } catch {
      break
    }
    whole.push(shard)
  }
  return whole
}

async function findIndex(folder: string): Promise<EmbeddedIndex | undefined> {
  const path = join(folder, INDEX_FILE)
  const index = (await readJson(path)) as Partial<EmbeddedIndex> | null | undefined
  if (index === undefined) return undefined
  if (index?.format === 1 && Array.isArray(index.shards)) return index as EmbeddedIndex
  throw new ArmormError('invalid_work', `${path} is no index of embeddings of format 1`)
}

/**
 * What a folder of embeddings holds.
 * @throws ArmormError invalid_work when there is none, or `armorm train embed` has not finished it
 */
export async function readIndex(folder: string): Promise<EmbeddedIndex> {
  const index = await findIndex(folder)
  if (!index) throw new ArmormError('invalid_work', `${folder} holds no embeddings; armorm train embed writes them`)
  if (!index.complete) {
    throw new ArmormError('invalid_work', `the embeddings in ${folder} are not finished; run armorm train embed again`)
  }
  return index
}

/** Whether a folder holds embeddings, finished ones. */
export async function isComplete(folder: string): Promise<boolean> {
  return (await findIndex(folder))?.complete ?? false
}

/**
 * The shards of a finished set, one after another.
 * @param only names of the tensors that are read; without it all
 * @throws ArmormError invalid_work when the set is not finished or a file of it is damaged
 */
export async function* shards(folder: string, only?: readonly string[]): AsyncGenerator<EmbeddedShard> {
  const index = await readIndex(folder)
  for (const shard of index.shards) {
    const rows = await readRows(folder, shard)
    const path = join(folder, shard.file)
    if (rows.length !== shard.rows) throw damaged(path)
    const reader = await SafetensorsReader.openFile(path).catch((error: unknown) => {
      throw damaged(path, error)
    })
    try {
      const tensors: Record<string, Float32Array> = {}
      for (const [name, width] of widths(index)) {
        if (only && !only.includes(name)) continue
        const [height, actual] = reader.has(name) ? reader.info(name).shape : []
        if (height !== shard.rows || actual !== width) throw damaged(path)
        tensors[name] = await reader.readAll(name)
      }
      yield { rows, tensors }
    } finally {
      await reader.close()
    }
  }
}

/**
 * What is known of the rows of a finished set, shard by shard, without their states.
 * @throws ArmormError invalid_work when the set is not finished or a file of it is damaged
 */
export async function* rowShards(folder: string): AsyncGenerator<readonly EmbeddedRow[]> {
  const index = await readIndex(folder)
  for (const shard of index.shards) yield await readRows(folder, shard)
}

/** A whole set in memory: `shards` one behind the other. */
export async function loadAll(folder: string): Promise<EmbeddedShard & { readonly index: EmbeddedIndex }> {
  const index = await readIndex(folder)
  const total = index.shards.reduce((sum, { rows }) => sum + rows, 0)
  const sizes = widths(index)
  const tensors = Object.fromEntries(sizes.map(([name, width]) => [name, new Float32Array(total * width)]))
  const rows: EmbeddedRow[] = []
  for await (const shard of shards(folder)) {
    for (const [name, width] of sizes) tensors[name]!.set(shard.tensors[name]!, rows.length * width)
    rows.push(...shard.rows)
  }
  return { index, rows, tensors }
}

async function readRows(folder: string, { file }: ShardEntry): Promise<EmbeddedRow[]> {
  const path = join(folder, rowsFile(file))
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as EmbeddedRow)
  } catch (error) {
    throw damaged(path, error)
  }
}

function damaged(path: string, cause?: unknown): ArmormError {
  return new ArmormError('invalid_work', `${path} is missing or damaged; run armorm train embed again`, {}, cause)
}
