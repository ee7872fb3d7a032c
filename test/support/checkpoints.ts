/** The checkpoints of test/fixtures/checkpoints and what they are expected to answer. */
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DEFAULT_MODEL } from './paths.js'

/** Compiled tests lie in build/test/support; fixtures stay where they are. */
const FOLDER = fileURLToPath(new URL('../../../test/fixtures/checkpoints/', import.meta.url))

export const CHECKPOINTS = [
  'armorm-tiny',
  'llama3-rope',
  'rope-parameters',
  'linear-mqa',
  'tied-mha-fp16',
  'odd-heads-shards',
  'biases',
  'head-dim-20',
  'head-dim-40',
  'one-objective',
  'large-weights'
] as const

export type CheckpointName = (typeof CHECKPOINTS)[number]

export interface ExpectedCase {
  readonly input_ids: number[]
  readonly gate_index: number
  readonly rewards: number[]
  readonly gating_output: number[]
  readonly rewards_adjusted: number[]
  readonly score: number
}

/** Absolute path of a fixture's folder. */
export function checkpointFolder(name: CheckpointName): string {
  return FOLDER + name
}

/** Makes a folder with a small checkpoint that reads text by the built-in model's tokenizer. @returns the folder */
export function textCheckpoint(folder: string): string {
  cpSync(checkpointFolder('armorm-tiny'), folder, { recursive: true })
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']) {
    cpSync(join(DEFAULT_MODEL, name), join(folder, name))
  }
  return folder
}

export function expectedCases(name: CheckpointName): ExpectedCase[] {
  const { cases } = JSON.parse(readFileSync(`${FOLDER}${name}/expected.json`, 'utf8')) as { cases: ExpectedCase[] }
  return cases
}

/** Largest difference between two rows of numbers, each absolute or relative, whichever is smaller. */
export function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity
  let worst = 0
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!))
    // Written so that NaN is a difference too.
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference
  }
  return worst
}
