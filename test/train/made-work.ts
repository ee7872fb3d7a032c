/** A work folder as the steps of training leave it, made up but for the heads of test/fixtures/train/assemble. */
import { cpSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DebiasResult } from '../../src/train/debias/result.js'
import { EmbeddedSetWriter, setFolder } from '../../src/train/embedded-set.js'
import type { ComparedPart } from '../../src/train/results.js'
import type { Stage1Result } from '../../src/train/stage1/result.js'
import { writeJson } from '../../src/train/work-files.js'
import { FIXTURES } from '../support/paths.js'

const FIXTURE = `${FIXTURES}train/assemble/`

export interface AssembledCase {
  readonly input_ids: number[]
  readonly gate_index: number
  readonly rewards: number[]
  readonly gating_output: number[]
  readonly score: number
}

export const MADE = JSON.parse(readFileSync(`${FIXTURE}expected.json`, 'utf8')) as {
  modeling_sha256: string
  objectives: string[]
  temperature: number
  transform: number[][]
  cases: AssembledCase[]
}

export const HIDDEN = 32
const MODEL = { name: 'tiny <model>', revision: '0123456789abcdef' }

export function madeStage1(): Stage1Result {
  const metrics = { rows: 40, mse: 0.021, r2: 0.31, spearman: 0.55 }
  return {
    format: 1,
    fingerprint: 'aaaaaaaaaaaaaaaa',
    model: MODEL,
    hidden: HIDDEN,
    objectives: MADE.objectives.map((name, k) => ({
      name,
      source: name === 'verbosity' ? 'derived' : 'rated',
      alpha: 10 ** k,
      rows: 400 - k,
      train_mse: 0.018,
      validation_mse: 0.02 + k / 100,
      validation_rows: 100,
      r2: 0.3,
      spearman: k === 1 ? null : 0.5,
      heldout: k === 0 ? metrics : null,
      grid: [0.01, 1, 100].map((alpha) => ({
        alpha,
        train_mse: alpha === 0.01 ? null : 0.01,
        mse: alpha === 0.01 ? null : 0.02 + alpha / 1e4
      }))
    })),
    derived: [{ name: 'verbosity', from: 'response_tokens', low: 3, high: 400 }],
    split: { seed: 1, validation: 0.2, rows: { train: 400, validation: 100, heldout: 40 } },
    settings: { alphas: [0.01, 1, 100], validation: 0.2, refit: true, min_rows: 20 },
    warnings: ['is|safe: one rating in ten is the same'],
    grams: { count: 2, bytes: 16384 },
    parts: [{ part: 'gram matrices', seconds: 1.25, cpu_seconds: 2, peak_memory: 300e6 }]
  }
}

export function madeDebias(): DebiasResult {
  const before = [
    [1, 0.4, 0.6],
    [0.4, 1, null],
    [0.6, null, 1]
  ]
  const after = [
    [1, 0.3, 0.03],
    [0.3, 1, null],
    [0.03, null, 1]
  ]
  return {
    format: 1,
    fingerprint: 'bbbbbbbbbbbbbbbb',
    objectives: MADE.objectives,
    removed: ['verbosity'],
    threshold: 0.03,
    rule: 'bisect',
    allow_negative: false,
    reference: { set: 'reference', responses: 120 },
    penalties: MADE.objectives.slice(0, 2).map((objective, k) => ({
      objective,
      removed: 'verbosity',
      penalty: -MADE.transform[2]![k]!,
      correlation_before: k === 0 ? 0.6 : null,
      correlation_after: k === 0 ? 0.03 : null,
      outcome: k === 0 ? 'passed' : 'failed'
    })),
    transform: MADE.transform,
    correlation: { before, after },
    warnings: [],
    parts: []
  }
}

/** stage2.json */
export function madeStage2(): object {
  const curve = [0, 50, 100].map((step) => ({
    step,
    loss: step === 0 ? null : 0.69 - step / 1000,
    validation_loss: 0.69 - step / 1200,
    validation_accuracy: 0.5 + step / 1000,
    logit_scale: 1.7,
    entropy: 0.98,
    top_share: 0.4,
    top_mean: 0.4,
    variation: 0.01
  }))
  const weights = { pairs: 30, weights: [0.5, 0.3, 0.2], entropy: 0.95, top_share: 0.5 }
  return {
    format: 1,
    shape: { hidden: HIDDEN, width: 12, layers: 2, objectives: MADE.objectives.length },
    first_logit_scale: 1,
    seeds: [],
    simpler: { 'uniform gating': 0.6 },
    steps_per_second: 8,
    settings: { layers: 2, width: 12, temperature: MADE.temperature, keep: 'loss' },
    objectives: MADE.objectives,
    seed: 7,
    logit_scale: 1.7,
    split: { pairs: { train: 200, validation: 30, test: 60 } },
    curve,
    best: curve[2]!,
    stopped_early: false,
    warnings: [{ sign: 'uniform', message: 'the gate weighs all objectives alike' }],
    weights: {
      all: weights,
      categories: { chat: { ...weights, pairs: 20 }, '<b>code</b>': { ...weights, pairs: 10 } }
    },
    seconds: 12.5
  }
}

export function madeBaselines(): ComparedPart {
  const accuracy = (value: number, pairs = 60) => ({ accuracy: value, low: value - 0.05, high: value + 0.05, pairs })
  const row = (name: string, value: number) => ({
    name,
    all: accuracy(value),
    categories: { chat: accuracy(value + 0.02, 40), '<b>code</b>': accuracy(value - 0.04, 20) },
    ...(name !== 'gating' && { difference: { difference: 0.62 - value, low: 0.57 - value, high: 0.67 - value } })
  })
  return { rows: [row('gating', 0.62), row('uniform gating', 0.61), row('longer is better', 0.52)] }
}

/** Writes parts of a work folder, all of them unless told. */
export async function makeWork(
  folder: string,
  { stage1 = madeStage1(), debias = true, stage2 = true, baselines = true, data = true } = {}
): Promise<string> {
  mkdirSync(folder, { recursive: true })
  if (stage1) {
    cpSync(`${FIXTURE}stage1.safetensors`, join(folder, 'stage1.safetensors'))
    await writeJson(join(folder, 'stage1.json'), stage1)
  }
  if (debias) await writeJson(join(folder, 'debias.json'), madeDebias())
  if (stage2) {
    cpSync(`${FIXTURE}gating.safetensors`, join(folder, 'gating.safetensors'))
    await writeJson(join(folder, 'stage2.json'), madeStage2())
  }
  if (baselines) await writeJson(join(folder, 'baselines.json'), madeBaselines())
  if (data) {
    const header = {
      set: 'reference',
      model: MODEL,
      hidden: 2,
      files: [{ file: 'a|b.jsonl', sha256: 'd'.repeat(64) }],
      fingerprint: 'cccccccccccccccc'
    } as const
    const writer = await EmbeddedSetWriter.open(setFolder(folder, 'reference'), header)
    const row = (line: number, source: string) => ({
      place: `/somebody/data/a|b.jsonl:${line}`,
      key: `k${line % 2}`,
      source,
      characters: 4,
      tokens: 1
    })
    const states = new Float32Array(6)
    await writer.writeShard([row(1, 'x'), row(2, 'x'), row(3, 'y')], { response_states: states, prompt_states: states })
    await writer.finish()
  }
  return folder
}
