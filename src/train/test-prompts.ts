/** The prompts of the test pairs: what the gate is measured on in the end, no step before may have learnt from. */
import { isComplete, rowShards, setFolder } from './embedded-set.js'
import { type PairSplit, testKeys } from './pairs.js'
import { fingerprint } from './work-files.js'

export interface TestPrompts {
  /** `stage2.test_share` */
  readonly share: number
  /** How many keys. */
  readonly keys: number
  /** Of the keys. */
  readonly fingerprint: string
}

/** Keys of the test pairs; none where no preferences are embedded. @throws ArmormError invalid_work */
export async function testPrompts(work: string, split: Pick<PairSplit, 'seed' | 'testShare'>): Promise<Set<string>> {
  const folder = setFolder(work, 'preferences')
  if (!(await isComplete(folder))) return new Set()
  const rows = []
  for await (const shard of rowShards(folder)) for (const { key, split } of shard) rows.push({ key, split })
  return testKeys(rows, split)
}

export function testPromptsOf(keys: ReadonlySet<string>, share: number): TestPrompts {
  return { share, keys: keys.size, fingerprint: fingerprint([...keys].sort()) }
}
