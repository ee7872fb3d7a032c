/** How faithful the scores of one bundle are to another's, over a file of answers to one prompt each. */
import { checksum } from '../bundle/files.js'
import { type Bundle, loadBundle } from '../bundle/load.js'
import type { ManifestFidelity } from '../bundle/manifest.js'
import { ArmormError } from '../errors.js'
import { fidelity } from './fidelity.js'
import { answerGroups, type GroupCounts, SMALLEST_GROUP } from './groups.js'
import { rateInOrder } from './rate.js'

export interface Comparison {
  /** Folder of the bundle whose scores count as right. */
  readonly reference: string
  /** Folder of the bundle that is measured. */
  readonly other: string
  /** File of groups. */
  readonly data: string
  /** What `countGroups` found in it. */
  readonly counts: GroupCounts
  /** Told how much is done, 0..1, and what is being done. */
  readonly onProgress?: (done: number, step: string) => void
}

/** Scores of the answers of one group, in their order. */
interface GroupScores {
  readonly place: string
  readonly scores: number[]
}

/**
 * Scores all groups by one bundle, then by the other, so that one engine runs at a time; of the texts no more than
 * what is under way is in memory, of the scores all.
 * @throws ArmormError invalid_data naming file and line; no_tokenizer; what keeps a bundle from being loaded
 */
export async function measureFidelity(comparison: Comparison): Promise<ManifestFidelity> {
  const { data, onProgress } = comparison
  const bundles = await Promise.all([comparison.reference, comparison.other].map(loadWithTokenizer))
  const { sha256 } = await checksum(data)
  const scored: GroupScores[][] = []
  for (const [i, bundle] of bundles.entries()) {
    const step = `scoring with ${bundle.manifest.backbone.precision}`
    scored.push(await scoreGroups(bundle, comparison, (done) => onProgress?.((i + done) / bundles.length, step)))
  }
  const [reference = [], other = []] = scored
  const constant = reference.find(({ scores }) => scores.every((score) => score === scores[0]))
  if (constant) {
    throw new ArmormError('invalid_data', `${constant.place}: its answers all score the same, so they have no order`)
  }
  const found = fidelity(reference.map(({ scores }, i) => ({ reference: scores, other: other[i]?.scores ?? [] })))
  return {
    conversations: found.conversations,
    groups: found.groups,
    spearman: digits(found.spearman),
    flips: digits(found.flips),
    relative_error: digits(found.relativeError),
    largest_difference: digits(found.largestDifference),
    data_sha256: sha256
  }
}

/** The figures for people. */
export function fidelityText(found: ManifestFidelity, { leftOut }: GroupCounts): string {
  const lines = [
    `${found.conversations} conversations in ${found.groups} groups`,
    `mean Spearman within groups   ${found.spearman.toFixed(4)}`,
    `pair flips                    ${(found.flips * 100).toFixed(2)} %`,
    `error / standard deviation    ${(found.relative_error * 100).toFixed(3)} %`,
    `largest difference of a score ${found.largest_difference.toExponential(1)}`
  ]
  if (leftOut > 0) lines.push(`left out: ${leftOut} groups of fewer than ${SMALLEST_GROUP} different answers`)
  return lines.join('\n')
}

/** More digits would say nothing. */
function digits(value: number): number {
  return Number(value.toPrecision(6))
}

/** @throws ArmormError no_tokenizer; what keeps the bundle from being loaded */
export async function loadWithTokenizer(folder: string): Promise<Bundle> {
  const bundle = await loadBundle(folder)
  if (bundle.manifest.tokenizer) return bundle
  throw new ArmormError('no_tokenizer', `${folder} has no tokenizer, so it cannot score conversations`)
}

async function scoreGroups(
  bundle: Bundle,
  { data, counts }: Comparison,
  onProgress: (done: number) => void
): Promise<GroupScores[]> {
  const result: GroupScores[] = []
  let done = 0
  for await (const { item, values } of rateInOrder(bundle, conversationsOf(data))) {
    const last = result.at(-1)
    if (last?.place === item.place) last.scores.push(values.score)
    else result.push({ place: item.place, scores: [values.score] })
    onProgress(Math.min(1, ++done / counts.conversations))
  }
  // Each bundle reads the file again: both have to score the same answers.
  if (result.length === counts.groups && done === counts.conversations) return result
  throw new ArmormError('invalid_data', `${data} changed while it was read`)
}

async function* conversationsOf(data: string) {
  for await (const { place, conversations } of answerGroups(data)) {
    for (const conversation of conversations) yield { place, conversation }
  }
}
