/** Work folders with made-up embeddings. */
import { EmbeddedSetWriter, type EmbeddedRow, setFolder, type SetName } from '../../src/train/embedded-set.js'

export interface MadeSet {
  readonly set: SetName
  readonly hidden: number
  readonly objectives?: readonly string[]
  readonly rows: readonly Partial<EmbeddedRow>[]
  /** By name, `[rows, width]`; states that are left out are 0. */
  readonly tensors: Readonly<Record<string, ArrayLike<number>>>
  readonly shardRows?: number
  readonly revision?: string
}

/** Writes a set to a work folder. */
export async function writeSet(work: string, made: MadeSet): Promise<void> {
  const { set, hidden, objectives, shardRows = 64, revision = 'r1' } = made
  const writer = await EmbeddedSetWriter.open(setFolder(work, set), {
    set,
    hidden,
    model: { name: 'made', revision },
    fingerprint: 'f1',
    ...(objectives && { objectives })
  })
  const pair = set === 'preferences'
  const widths: Record<string, number> = {
    ...(pair ? { chosen_states: hidden, rejected_states: hidden } : { response_states: hidden }),
    prompt_states: hidden,
    ...(objectives && { labels: objectives.length })
  }
  for (let from = 0; from < made.rows.length; from += shardRows) {
    const rows = made.rows.slice(from, from + shardRows)
    const cut = ([name, width]: [string, number]): [string, Float32Array] => {
      const values = made.tensors[name] ?? new Float32Array(made.rows.length * width)
      return [name, Float32Array.from(Array.prototype.slice.call(values, from * width, (from + rows.length) * width))]
    }
    await writer.writeShard(
      rows.map((row, i) => ({
        place: `${set}.jsonl:${from + i + 1}`,
        key: `k${from + i}`,
        characters: pair ? [5, 5] : 5,
        tokens: pair ? [2, 2] : 2,
        ...row
      })),
      Object.fromEntries(Object.entries(widths).map(cut))
    )
  }
  await writer.finish()
}
