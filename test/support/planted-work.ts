/** A work folder as the steps before stage 2 leave it, of made-up states with a planted truth. */
import { join } from 'node:path'
import { writeSafetensors } from '../../src/checkpoint/write-safetensors.js'
import { seeded } from '../../src/random.js'
import { type EmbeddedRow, EmbeddedSetWriter, setFolder } from '../../src/train/embedded-set.js'
import { writeJson } from '../../src/train/work-files.js'

export const HIDDEN = 12
export const OBJECTIVES = ['helpful', 'safe', 'correct', 'verbosity'] as const
/** Clusters of prompts; the category of a pair is its cluster. */
export const CLUSTERS = ['chat', 'harm', 'maths'] as const

export interface Planted {
  readonly pairs: number
  readonly seed: number
  /** What decides a pair of a cluster: weights of the four ratings. */
  readonly decides: (cluster: number) => readonly number[]
  readonly margins?: boolean
  /** `category` of every row, where it is not the cluster. */
  readonly category?: (index: number) => string
  /** `split` of every row. */
  readonly split?: (index: number) => 'train' | 'heldout'
}

/**
 * Writes the embedded preferences, stage 1's head and a transform that removes verbosity. Ratings are the first four
 * values of a response's state; the prompt's states lie around one centre for each cluster; two pairs a key.
 */
export async function plantedWork(work: string, planted: Planted): Promise<void> {
  const random = seeded(planted.seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const normals = (count: number) => Float32Array.from({ length: count }, normal)
  const centres = CLUSTERS.map(() => normals(HIDDEN).map((value) => 2 * value))
  const model = { name: 'made up', revision: '0' }
  const header = { set: 'preferences', model, hidden: HIDDEN, fingerprint: `planted ${planted.seed}` } as const
  const writer = await EmbeddedSetWriter.open(setFolder(work, 'preferences'), header)
  for (let first = 0; first < planted.pairs; first += 500) {
    const count = Math.min(500, planted.pairs - first)
    const rows: EmbeddedRow[] = []
    const tensors = {
      chosen_states: new Float32Array(count * HIDDEN),
      rejected_states: new Float32Array(count * HIDDEN),
      prompt_states: new Float32Array(count * HIDDEN)
    }
    for (let i = 0; i < count; i++) {
      const key = Math.floor((first + i) / 2)
      const cluster = key % CLUSTERS.length
      const [a, b] = [normals(HIDDEN), normals(HIDDEN)]
      const margin = planted.decides(cluster).reduce((sum, weight, j) => sum + weight * (a[j]! - b[j]!), 0)
      const [chosen, rejected] = random() < 1 / (1 + Math.exp(-6 * margin)) ? [a, b] : [b, a]
      tensors.chosen_states.set(chosen, i * HIDDEN)
      tensors.rejected_states.set(rejected, i * HIDDEN)
      tensors.prompt_states.set(
        centres[cluster]!.map((value) => value + 0.3 * normal()),
        i * HIDDEN
      )
      const characters = [chosen, rejected].map((state) => Math.round(1000 + 300 * state[3]!)) as [number, number]
      rows.push({
        place: `planted.jsonl:${first + i + 1}`,
        key: `prompt ${key}`,
        category: planted.category?.(first + i) ?? CLUSTERS[cluster]!,
        characters,
        tokens: characters.map((length) => Math.round(length / 200)) as [number, number],
        ...(planted.margins && { margin: Math.abs(margin) }),
        ...(planted.split && { split: planted.split(first + i) })
      })
    }
    await writer.writeShard(rows, tensors)
  }
  await writer.finish()

  const size = OBJECTIVES.length
  const weight = new Float32Array(size * HIDDEN)
  for (let j = 0; j < size; j++) weight[j * HIDDEN + j] = 1
  await writeSafetensors(
    join(work, 'stage1.safetensors'),
    new Map([['weight', { shape: [size, HIDDEN], values: weight }]])
  )
  const objectives = OBJECTIVES.map((name) => ({ name }))
  const split = { seed: planted.seed }
  const stage1 = { format: 1, fingerprint: 'stage 1', model, hidden: HIDDEN, objectives, split }
  await writeJson(join(work, 'stage1.json'), stage1)
  const transform = OBJECTIVES.map((_, i) =>
    OBJECTIVES.map((_, j) => (i === 3 ? (j === 3 ? 0 : -0.1) : i === j ? 1 : 0))
  )
  await writeJson(join(work, 'debias.json'), { format: 1, fingerprint: 'debias', objectives: OBJECTIVES, transform })
}

/** Settings with which a gate for it is trained in a second. */
export const QUICK = {
  layers: 1,
  width: 16,
  temperature: 1,
  learning_rate: 0.02,
  dropout: 0.1,
  steps: 120,
  batch: 256,
  evaluate_every: 20
}
