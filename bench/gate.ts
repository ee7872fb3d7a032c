/**
 * Speed of gate training: steps of the ONNX graph, and of PyTorch where a Python with torch is given, in turn.
 *
 *     npm run bench:gate -- [--hidden 4096] [--width 1024] [--layers 3] [--objectives 19] [--batch 1024] [--dropout 0.2]
 *                           [--steps 10] [--rounds 3] [--threads 2] [--python python3]
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { Value } from 'typebox/value'
import { usableThreads } from '../src/engine/threads.js'
import { seeded } from '../src/random.js'
import { GateSettings } from '../src/train/stage2/settings.js'
import { trainGate } from '../src/train/stage2/train-gate.js'
import { processesWanting } from './machine.js'

const { values } = parseArgs({
  options: {
    hidden: { type: 'string', default: '4096' },
    width: { type: 'string', default: '1024' },
    layers: { type: 'string', default: '3' },
    objectives: { type: 'string', default: '19' },
    batch: { type: 'string', default: '1024' },
    dropout: { type: 'string', default: '0.2' },
    steps: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(usableThreads()) },
    python: { type: 'string' }
  }
})
const [hidden, width, layers, objectives, batch, dropout, steps, rounds, threads] = [
  values.hidden,
  values.width,
  values.layers,
  values.objectives,
  values.batch,
  values.dropout,
  values.steps,
  values.rounds,
  values.threads
].map(Number) as [number, number, number, number, number, number, number, number, number]

/** Steps between two looks at the clock. */
const TOGETHER = 5

/** Milliseconds of a step: on the clock, and of all threads' work, which other jobs on the machine change less. */
type Sample = readonly [wall: number, cpu: number]

/** Mean of every few steps, from training as it is: batches gathered, masks drawn, the graph run. */
async function ours(): Promise<Sample[]> {
  const random = seeded(1)
  const states = Float32Array.from({ length: batch * hidden }, () => 2 * random() - 1)
  const differences = Float32Array.from({ length: batch * objectives }, () => random() - 0.4)
  const rows = Int32Array.from({ length: batch }, (_, row) => row)
  const data = {
    hidden,
    objectives,
    states,
    differences,
    weights: new Float32Array(batch).fill(1),
    train: rows,
    validation: rows.subarray(0, 1)
  }
  const changes = { width, layers, dropout, batch, steps: TOGETHER + steps, evaluate_every: TOGETHER, patience: 0 }
  const settings = { ...Value.Create(GateSettings), ...changes }
  const looks: Sample[] = []
  await trainGate(data, settings, 1, threads, () => {
    const { user, system } = process.cpuUsage()
    looks.push([performance.now(), (user + system) / 1000])
  })
  const since = ([wall, cpu]: Sample, i: number): Sample => [
    (wall - looks[i]![0]) / TOGETHER,
    (cpu - looks[i]![1]) / TOGETHER
  ]
  // The first few steps find no memory yet.
  return looks.slice(1).map(since).slice(1)
}

/** The same of the script beside this one. */
function torch(python: string): Sample[] {
  const script = new URL('../../bench/peers/gate_step.py', import.meta.url).pathname
  const args = [hidden, width, layers, objectives, batch, dropout, TOGETHER + steps, threads].map(String)
  const times = JSON.parse(execFileSync(python, [script, ...args], { encoding: 'utf8' })) as Sample[]
  return times.slice(TOGETHER)
}

function report(name: string, samples: readonly Sample[]): void {
  const median = (which: 0 | 1): number =>
    samples.map((sample) => sample[which]).sort((a, b) => a - b)[samples.length >> 1]!
  const rate = (1000 / median(0)).toFixed(2)
  console.log(`${name}: median ${median(0).toFixed(0)} ms (${rate} steps/s), ${median(1).toFixed(0)} ms of CPU`)
}

console.log(
  `${hidden} -> ${width} x ${layers} -> ${objectives}, batch ${batch}, dropout ${dropout}, ${threads} threads`
)
console.log(`processes that want a core: ${processesWanting().toFixed(1)}`)
const [graph, peer]: [Sample[], Sample[]] = [[], []]
for (let round = 0; round < rounds; round++) {
  graph.push(...(await ours()))
  if (values.python !== undefined) peer.push(...torch(values.python))
}
report('ONNX graph', graph)
if (peer.length > 0) report('PyTorch', peer)
