/** Whatever happens to the engine at whatever moment: each batch has one outcome, in order, and no work is done twice. */
import fc from 'fast-check'
import t from 'tap'
import type { EngineSequence, RunOutputs } from '../../src/engine/contract.js'
import { sequence } from '../support/engines.js'
import { fakeEngine, FakeProcess, loads, outputsOf } from '../support/fake-process.js'

/** What befalls one load, one run of the self-test or one batch; `none` is the most frequent. */
const FAULTS = [
  'none',
  'dies at once',
  'dies, its end known early',
  'dies after its answer',
  'dies after its answer, its end known early',
  'dies after its answer was read',
  'is killed',
  'does not answer',
  'says that it failed',
  'answers too little',
  'answers NaN',
  'answers nonsense',
  'writes stray bytes',
  'answers twice'
] as const
type Fault = (typeof FAULTS)[number]

interface Played {
  /** By batch. */
  readonly outcomes: (RunOutputs | Error)[]
  readonly order: number[]
  readonly broken: string[]
}

/** Runs batches of these sizes while the faults befall the engine one after another, at each message that it gets. */
async function play(sizes: readonly number[], faults: readonly Fault[], waves: number): Promise<Played> {
  const left = [...faults]
  const broken: string[] = []
  const answered = new Set<number>()
  const engine = fakeEngine({
    maxRestarts: 1000,
    runTimeoutMs: 20,
    reloadTimeoutMs: 20,
    objectives: 1,
    proof: { batch: [sequence([0])], check: () => undefined },
    start: FakeProcess.starter({
      load(self, done) {
        const fault = engine.health().state === 'starting' ? 'none' : (left.shift() ?? 'none')
        if (fault.startsWith('dies after')) {
          loads(self, () => undefined)
          self.die(7, null, fault.endsWith('early'))
        } else if (fault === 'is killed') self.die(null, 'SIGKILL')
        else if (fault.startsWith('dies')) self.die(7, null, fault.endsWith('early'))
        else if (fault === 'says that it failed') {
          self.say({ type: 'load_failed', error: { code: 'bundle_graph', message: 'told to', details: {} } })
        } else if (fault === 'writes stray bytes') self.babble()
        else loads(self, done)
      },
      run(self, message, done) {
        const fault = left.shift() ?? 'none'
        const ids = message.batch.map((each) => each.ids[0]!)
        // The self-test's sequence is 0.
        for (const id of ids) if (id !== 0 && answered.has(id)) broken.push(`${id} runs though it has an answer`)
        const { run, batch } = message
        const answer = (outputs: unknown = outputsOf(batch)) => self.say({ type: 'result', run, outputs })
        const good = () => {
          for (const id of ids) answered.add(id)
          answer()
        }
        switch (fault) {
          case 'dies at once':
          case 'dies, its end known early':
            return self.die(7, null, fault.endsWith('early'))
          case 'dies after its answer':
          case 'dies after its answer, its end known early':
            good()
            return self.die(7, null, fault.endsWith('early'))
          case 'dies after its answer was read':
            good()
            setImmediate(() => setImmediate(() => self.die(7)))
            return
          case 'is killed':
            return self.die(null, 'SIGKILL')
          case 'does not answer':
            return
          case 'writes stray bytes':
            return self.babble()
          case 'says that it failed':
            self.say({ type: 'run_failed', run, message: 'told to' })
            break
          case 'answers too little':
            answer(outputsOf(batch.slice(1)))
            break
          case 'answers NaN': {
            const nan = new Float32Array(batch.length).fill(NaN)
            if (batch.length === 1) good()
            else answer({ ratings: nan, gating: nan, adjusted: nan, score: nan })
            break
          }
          case 'answers nonsense':
            self.say(null)
            self.say({ type: 'result', run: run + 1000, outputs: outputsOf(batch) })
            good()
            break
          case 'answers twice':
            good()
            answer()
            break
          default:
            good()
        }
        done()
      }
    })
  })
  await engine.load()
  let id = 0
  const batches = sizes.map((size): EngineSequence[] => Array.from({ length: size }, () => sequence([++id])))
  const order: number[] = []
  const outcomes: (RunOutputs | Error)[] = []
  for (let from = 0; from < batches.length; from += waves) {
    const wave = batches.slice(from, from + waves).map((batch, i) =>
      engine
        .run(batch)
        .catch((error: unknown) => error as Error)
        .then((outcome) => {
          order.push(from + i)
          outcomes[from + i] = outcome
        })
    )
    await Promise.all(wave)
  }
  await engine.close()
  id = 0
  for (const [i, outcome] of outcomes.entries()) {
    for (let row = 0; row < sizes[i]!; row++) {
      id++
      const refused = outcome instanceof Error ? outcome : outcome.refused?.get(row)
      if (refused && answered.has(id)) broken.push(`${id} has an answer, which was lost`)
      if (refused && (refused as { code?: string }).code !== 'engine_failed') broken.push(`${id}: ${refused.message}`)
      if (!refused && (outcome as RunOutputs).score[row] !== id) broken.push(`${id} has the answer of another`)
    }
  }
  return { outcomes, order, broken }
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })
const fault = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Fault>('none') },
  { weight: 3, arbitrary: fc.constantFrom(...FAULTS) }
)

t.test('random schedules of faults', async (t) => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.array(fault, { maxLength: 16 }), fc.integer({ min: 1, max: 6 }), async (...args) => {
      const { outcomes, order, broken } = await play(...args)
      t.strictSame(broken, [])
      t.equal(outcomes.length, args[0].length)
      t.strictSame(order, [...outcomes.keys()], 'in the order in which they were asked for')
    }),
    { numRuns: 100 }
  )
})

t.test('one fault at any stage refuses nobody', async (t) => {
  for (const fault of FAULTS) {
    for (const before of [0, 1, 2]) {
      const { outcomes, broken } = await play([3, 1, 4], [...new Array<Fault>(before).fill('none'), fault], 3)
      t.strictSame(broken, [], fault)
      t.ok(
        outcomes.every((outcome) => !(outcome instanceof Error) && !outcome.refused),
        `${fault}, after ${before}`
      )
    }
  }
})
