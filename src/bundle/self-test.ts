/** A bundle proves itself before it is served: the engine must reproduce the rewards stored in the manifest. */
import type { Engine, EngineSequence, HeadOutputs } from '../engine/contract.js'
import type { EngineProof } from '../engine/engine-process.js'
import { ArmormError } from '../errors.js'
import type { Manifest } from './manifest.js'

/** Difference as the tolerance counts it: absolute for values up to 1, relative beyond. */
const difference = (found: number, expected: number): number =>
  Math.abs(found - expected) / Math.max(1, Math.abs(expected))

/** The stored cases, as the one batch in which they run. */
export function selfTestBatch({ self_test: { cases } }: Manifest): EngineSequence[] {
  return cases.map((each) => ({ ids: Int32Array.from(each.input_ids), gateIndex: each.gate_index }))
}

/** What an engine that was started again has to pass before it gets work. */
export function selfTestProof(manifest: Manifest): EngineProof {
  return { batch: selfTestBatch(manifest), check: (outputs) => void checkSelfTest(manifest, outputs) }
}

/**
 * Runs the stored cases in one batch.
 * @returns the largest difference found
 * @throws ArmormError self_test_failed, naming the case, the output and both values; engine_failed
 */
export async function selfTest(manifest: Manifest, engine: Engine): Promise<number> {
  const outputs = await engine.run(selfTestBatch(manifest))
  for (const error of outputs.refused?.values() ?? []) throw error
  return checkSelfTest(manifest, outputs)
}

/**
 * @param outputs - of the stored cases, in their order
 * @returns the largest difference found
 * @throws ArmormError self_test_failed, naming the case, the output and both values
 */
export function checkSelfTest(manifest: Manifest, outputs: HeadOutputs): number {
  const { cases, tolerance } = manifest.self_test
  const objectives = manifest.objectives.length
  let worst = 0
  const check = (index: number, output: string, found: number, expected: number): void => {
    const distance = difference(found, expected)
    worst = Math.max(worst, distance)
    // Written so that a NaN fails too.
    if (distance <= tolerance) return
    throw new ArmormError(
      'self_test_failed',
      `the self-test's case ${index} gives ${output} ${found}, expected ${expected} within ${tolerance}`,
      { case: index, output, found: String(found), expected }
    )
  }
  cases.forEach((expected, index) => {
    check(index, 'score', outputs.score[index]!, expected.score)
    for (let k = 0; k < objectives; k++) {
      const name = manifest.objectives[k]!.name
      check(index, `rating of ${name}`, outputs.ratings[index * objectives + k]!, expected.ratings[k]!)
      check(index, `gating weight of ${name}`, outputs.gating[index * objectives + k]!, expected.gating[k]!)
    }
  })
  return worst
}
