/** Engines of tests: processes that end with the test. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { EngineSequence, HeadOutputs } from '../../src/engine/contract.js'
import { EngineSupervisor, type RewardEngineOptions } from '../../src/engine/supervisor.js'
import { FIXTURES } from './paths.js'

// The test runner puts its loaders there: processes under test are to run as they do without it, and start sooner.
delete process.env.NODE_OPTIONS

/** What the folder's manifest lists; nothing where there is none. */
function exactTokensOf(folder: string): readonly number[] {
  const path = join(folder, 'bundle.json')
  if (!existsSync(path)) return []
  const { backbone } = JSON.parse(readFileSync(path, 'utf8')) as { backbone?: { exact_tokens?: number[] } }
  return backbone?.exact_tokens ?? []
}

/** A supervisor on one thread, not yet loaded. */
export function engineOver(t: Test, folder: string, options: Partial<RewardEngineOptions> = {}): EngineSupervisor {
  const exactTokens = exactTokensOf(folder)
  const engine = new EngineSupervisor({ folder, provider: 'cpu', threads: 1, backoffMs: 1, exactTokens, ...options })
  t.teardown(() => {
    // A test that failed may have left a run that never ends.
    if (engine.pid !== undefined && engine.health().state !== 'stopped') process.kill(engine.pid, 'SIGKILL')
    return engine.close()
  })
  return engine
}

/** The stand-in for the engine process; test/fixtures/engine/README.md says what it does. */
export const SCRIPTED_ENGINE = join(FIXTURES, 'engine/scripted.mjs')

/** One row of `[K]` outputs, as the numbers that a checkpoint's expected.json has. */
export interface OutputRow {
  readonly ratings: Float32Array
  readonly gating: Float32Array
  readonly adjusted: Float32Array
  readonly score: number
}

export function rowOf(outputs: HeadOutputs, row: number): OutputRow {
  const objectives = outputs.ratings.length / outputs.score.length
  const part = (values: Float32Array) => values.slice(row * objectives, (row + 1) * objectives)
  return {
    ratings: part(outputs.ratings),
    gating: part(outputs.gating),
    adjusted: part(outputs.adjusted),
    score: outputs.score[row]!
  }
}

export function sequence(ids: readonly number[], gateIndex = 0): EngineSequence {
  return { ids: Int32Array.from(ids), gateIndex }
}

/** Whether a process is there. Of a child: until it ended and its end was noticed. */
export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** For tests of what happens without CUDA: the reason to skip them, where there may be a device. */
export const cudaDevice = ['/dev/nvidiactl', '/dev/dxg'].some((path) => existsSync(path)) && 'there is a CUDA device'
