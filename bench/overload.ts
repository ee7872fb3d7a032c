/**
 * The server under loads that it can carry and loads that it cannot.
 *
 *     npm run bench:overload -- [--quick] [--seconds 60] [--rate 20000] [--out docs/overload.md]
 *
 * `--rate`: tokens a second of the stand-in engine. `--quick`: loads of a few seconds, printed and not written. Ends with code 1 when a bar is not met.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadBundle } from '../src/bundle/load.js'
import { seeded } from '../src/random.js'
import { end, type HttpProcess, startHttp } from './contestants/process.js'
import type { RawGroup } from './loads.js'
import { machineFigures, processesWanting } from './machine.js'
import {
  bars,
  type BurstFigures,
  type PhaseFigures,
  phaseFigures,
  type SeriesFigures,
  tokensOf
} from './overload/figures.js'
import { closedLoop, obey, openLoop, sender } from './overload/load.js'
import { report } from './overload/report.js'
import { mean, quantile } from './statistics.js'

const MODEL = 'models/default'
// Compiled to build/bench, two folders below the root.
const ARMORM = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const STAND_IN = fileURLToPath(new URL('./stand-in/server.js', import.meta.url))
const LOADS = [0.5, 1, 2, 10]
/** Requests of the real engine's series, all together. */
const REAL_REQUESTS = 5000
const DEADLINE_MS = 2000
/** A real engine on one core shares the machine with the client. */
const REAL_DEADLINE_MS = 4000
const BURST_QUEUE_SECONDS = 2
const MOST_TRIES = 20

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rate: { type: 'string', default: '20000' },
    out: { type: 'string' }
  }
})
const { quick } = values
const seconds = Number(values.seconds ?? (quick ? 8 : 60))
if (!(seconds >= 4)) throw new Error(`--seconds must be a number of at least 4, but is ${values.seconds}`)
/** Tokens a second of the stand-in. */
const RATE = Number(values.rate)
if (!(RATE >= 1)) throw new Error(`--rate must be a number of at least 1, but is ${values.rate}`)
const out = values.out ?? (quick ? null : 'docs/overload.md')

const groups = (await readFile('bench/conversations.jsonl', 'utf8'))
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as RawGroup)
const random = seeded(1)

/** Bodies of requests: conversations that nobody asked for before. */
function bodies(short: boolean): () => string {
  const all = groups.flatMap(({ prompt, responses }) => responses.map((response) => ({ prompt, response })))
  const length = ({ prompt, response }: (typeof all)[number]) =>
    response.length + prompt.reduce((sum, { content }) => sum + content.length, 0)
  const fitting = short ? all.filter((each) => length(each) < 400) : all
  let number = 0
  return () => {
    const { prompt, response } = fitting[Math.floor(random() * fitting.length)]!
    const [first, ...rest] = prompt
    const own = [{ role: first!.role, content: `${++number}. ${first!.content}` }, ...rest]
    return JSON.stringify({ inputs: [{ prompt: own, response }], return: ['usage'] })
  }
}

/** Seconds by which the event loop was late since this was last asked: quantile 0.99, and the most. */
async function lagMs(origin: string): Promise<[number, number]> {
  const lines = (await (await fetch(`${origin}/metrics`)).text()).split('\n')
  const metric = (name: string) =>
    1000 * Number(lines.find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? NaN)
  return [metric('nodejs_eventloop_lag_p99_seconds'), metric('nodejs_eventloop_lag_max_seconds')]
}

async function series(
  { origin }: HttpProcess,
  engine: string,
  body: () => string,
  deadlineMs: number,
  capacity: { perSecond: number; meanTokens: number },
  plan: readonly { load: number; requests: number }[]
): Promise<SeriesFigures> {
  const send = sender(origin, '/score')
  const phases: PhaseFigures[] = []
  for (const { load, requests } of plan) {
    await lagMs(origin)
    const headers = { 'x-request-timeout-ms': String(deadlineMs) }
    const answers = await openLoop(load * capacity.perSecond, requests, random, () => send(body(), headers))
    const length = answers.at(-1)!.sentAt - answers[0]!.sentAt
    const settleMs = Math.min(deadlineMs, length / 3)
    phases.push(phaseFigures(load, answers, deadlineMs, settleMs, await lagMs(origin)))
    console.error(`${engine}, ${load}x: ${phases.at(-1)!.goodput.toFixed(0)} tokens a second in time`)
  }
  return { engine, capacity: capacity.perSecond, meanTokens: capacity.meanTokens, deadlineMs, phases }
}

async function withServer<T>(program: string, args: string[], use: (server: HttpProcess) => Promise<T>): Promise<T> {
  const all = ['serve', '--model', MODEL, '--threads', '1', '--log-level', 'silent', ...args]
  const server = await startHttp(program, all, '/readyz', { STAND_IN_RATE: String(RATE) })
  try {
    return await use(server)
  } finally {
    await end(server.child)
  }
}

async function standIn(): Promise<SeriesFigures> {
  return withServer(STAND_IN, [], async (server) => {
    const body = bodies(false)
    const sample = await closedLoop(8, 200, () => sender(server.origin, '/score')(body()))
    const meanTokens = mean(sample.map((answer) => tokensOf(answer.body)))
    const perSecond = RATE / meanTokens
    const plan = LOADS.map((load) => ({ load, requests: Math.round(load * perSecond * seconds) }))
    return series(server, 'stand-in engine', body, DEADLINE_MS, { perSecond, meanTokens }, plan)
  })
}

async function real(): Promise<SeriesFigures> {
  return withServer(ARMORM, [], async (server) => {
    const body = bodies(true)
    const total = quick ? 1500 : REAL_REQUESTS
    const measured = Math.round(total / 10)
    const began = performance.now()
    const sample = await closedLoop(16, measured, () => sender(server.origin, '/score')(body()))
    const perSecond = (1000 * measured) / (performance.now() - began)
    const meanTokens = mean(sample.map((answer) => tokensOf(answer.body)))
    const rest = total - measured
    const plan = [
      { load: 0.5, requests: Math.round(rest / 15) },
      { load: 1, requests: Math.round((2 * rest) / 15) },
      { load: 10, requests: Math.round((12 * rest) / 15) }
    ]
    return series(server, 'real engine', body, REAL_DEADLINE_MS, { perSecond, meanTokens }, plan)
  })
}

async function burst(): Promise<BurstFigures> {
  const args = ['--max-queue-tokens', String(BURST_QUEUE_SECONDS * RATE)]
  return withServer(STAND_IN, args, async (server) => {
    const body = bodies(false)
    const send = sender(server.origin, '/score')
    const clients = quick ? 500 : 1000
    const ended = await Promise.all(
      Array.from({ length: clients }, () => {
        const own = body()
        return obey(() => send(own), MOST_TRIES)
      })
    )
    const answered = ended.filter(({ answer }) => answer.status === 200)
    const tries = ended.map((each) => each.tries)
    const tokens = answered.reduce((sum, { answer }) => sum + tokensOf(answer.body), 0)
    return {
      clients,
      answered: answered.length,
      tries: [mean(tries), quantile(tries, 0.99), Math.max(...tries)],
      seconds: Math.max(...ended.map(({ answer }) => answer.endedAt)) / 1000,
      workSeconds: tokens / RATE
    }
  })
}

const loadAtStart = processesWanting()
const { manifest } = await loadBundle(MODEL)
const figures = {
  date: new Date().toISOString().slice(0, 10),
  model: `${manifest.model.name}, revision ${manifest.model.revision}, ${manifest.backbone.precision}`,
  series: [await standIn(), await real()],
  burst: await burst()
}
const text = report({ ...figures, machine: machineFigures([], loadAtStart) })
if (out === null) console.log(text)
else await writeFile(out, text)
if (bars(figures).some(({ met }) => !met)) process.exitCode = 1
process.exit()
