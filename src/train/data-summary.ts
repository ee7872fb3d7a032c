/** Which data a model was trained on, as the embedded rows tell: for the model card and the report. */
import { basename } from 'node:path'
import { isComplete, readIndex, rowShards, setFolder, type SetName, SETS } from './embedded-set.js'

export interface DataFile {
  /** Name without folders: a path says something of somebody's machine. */
  readonly file: string
  readonly rows: number
  /** Where the embeddings state it. */
  readonly sha256?: string
}

export interface DataSummary {
  readonly set: SetName
  readonly rows: number
  /** Different prompts, or what else rows are split by. */
  readonly keys: number
  readonly files: readonly DataFile[]
  /** Rows by source, most first; rows without one are not counted. */
  readonly sources: readonly { readonly source: string; readonly rows: number }[]
  /** Of settings, data and model. */
  readonly fingerprint: string
}

/** Of each set that is embedded. @throws ArmormError invalid_work when a file of one is damaged */
export async function dataSummaries(work: string): Promise<DataSummary[]> {
  const found: DataSummary[] = []
  for (const set of SETS) if (await isComplete(setFolder(work, set))) found.push(await summaryOf(work, set))
  return found
}

async function summaryOf(work: string, set: SetName): Promise<DataSummary> {
  const folder = setFolder(work, set)
  const files = new Map<string, number>()
  const sources = new Map<string, number>()
  const keys = new Set<string>()
  const add = (counts: Map<string, number>, name: string) => counts.set(name, (counts.get(name) ?? 0) + 1)
  let rows = 0
  for await (const shard of rowShards(folder)) {
    for (const { place, key, source } of shard) {
      rows++
      keys.add(key)
      add(files, basename(place.replace(/:\d+$/, '')))
      if (source !== undefined) add(sources, source)
    }
  }
  const index = await readIndex(folder)
  // Files of one name in two folders are counted as one, and neither hash is that of both.
  const hashOf = (name: string) => {
    const [found, ...more] = (index.files ?? []).filter(({ file }) => file === name)
    return found && more.length === 0 ? { sha256: found.sha256 } : {}
  }
  return {
    set,
    rows,
    keys: keys.size,
    files: [...files].map(([file, rows]) => ({ file, rows, ...hashOf(file) })),
    sources: [...sources].map(([source, rows]) => ({ source, rows })).sort((a, b) => b.rows - a.rows),
    fingerprint: index.fingerprint
  }
}
