/**
 * Whether memory, handles and file descriptors stay flat under requests of random shapes: many against an engine that
 * computes nothing, fewer against the real one.
 */
import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadBundle } from '../src/bundle/load.js'
import type { Manifest } from '../src/bundle/manifest.js'
import { seeded } from '../src/random.js'
import { program, wholeNumber } from './command-line.js'
import { end, startHttp } from './contestants/process.js'
import { machineFigures, processesWanting } from './machine.js'
import { drive } from './soak/drive.js'
import type { Sample } from './soak/growth.js'
import { engineOf, look, WATCHED, type Watched } from './soak/processes.js'
import { soakReport, type SoakRun } from './soak/report.js'
import { traffic } from './soak/traffic.js'
import { readGroups } from './text.js'

const DEFAULT_MODEL = 'models/default'
const SAMPLES = 200
const REPORT = 'docs/soak.md'
const MOST_INPUTS = 64
const STORE_BYTES = String(4 * 2 ** 20)
/** Compiled, this file lies in build/bench. */
const compiled = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

interface Plan {
  readonly title: string
  readonly requests: number
  readonly program: string
  readonly longest: number
  readonly most: number
}

interface Options {
  readonly clients: number
  readonly seed: number
  readonly quick: boolean
  readonly plans: readonly Plan[]
}

const USAGE = `usage: npm run bench:soak -- [options]
  --requests <n>  requests to an engine that computes nothing; default 100000, with --quick 4000
  --real <n>      requests to the real one; default 5000, with --quick 200
  --clients <n>   how many at a time; default 16
  --seed <n>      of the requests; default 1
  --quick         a few are enough; printed, not written`

function options(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      requests: { type: 'string' },
      real: { type: 'string' },
      clients: { type: 'string', default: '16' },
      seed: { type: 'string', default: '1' },
      quick: { type: 'boolean', default: false }
    }
  })
  const { quick } = values
  const standIn = wholeNumber('requests', values.requests ?? (quick ? '4000' : '100000'), 0)
  const real = wholeNumber('real', values.real ?? (quick ? '200' : '5000'), 0)
  const plans: Plan[] = [
    {
      title: 'An engine that computes nothing',
      requests: standIn,
      program: compiled('./stand-in/server.js'),
      longest: 4000,
      most: 32
    },
    {
      title: 'The real engine',
      requests: real,
      program: compiled('../src/cli/main.js'),
      longest: 800,
      most: 4
    }
  ]
  return {
    clients: wholeNumber('clients', values.clients, 1),
    seed: wholeNumber('seed', values.seed, 0),
    quick,
    plans: plans.filter(({ requests }) => requests > 0)
  }
}

async function soak(plan: Plan, { clients, seed }: Options, manifest: Manifest): Promise<SoakRun> {
  const { title, requests, program, longest, most } = plan
  const args = ['serve', '--model', DEFAULT_MODEL, '--log-level', 'warn', '--max-inputs', String(MOST_INPUTS)]
  const stores = ['--cache-bytes', STORE_BYTES, '--explain-bytes', STORE_BYTES]
  const { origin, child } = await startHttp(program, [...args, ...stores], '/readyz')
  try {
    const pids = { server: child.pid!, engine: engineOf(child.pid!) }
    const samples = Object.fromEntries(Object.keys(WATCHED).map((name) => [name, []])) as unknown as Record<
      Watched,
      Sample[]
    >
    const metrics = async () => (await fetch(`${origin}/metrics`)).text()
    const onSample = async (count: number): Promise<void> => {
      const found = look({ ...pids, engine: engineOf(pids.server) }, await metrics())
      for (const name of Object.keys(WATCHED) as Watched[]) {
        samples[name].push({ requests: count, value: found[name] })
      }
    }
    const groups = await readGroups('bench/conversations.jsonl')
    const next = traffic({ random: seeded(seed), groups, gate: manifest.gate.pattern ?? [], longest, most })
    const every = Math.max(1, Math.floor(requests / SAMPLES))
    const driven = await drive({ origin, requests, clients, next, every, onSample })
    const text = await metrics()
    const metric = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? NaN)
    const left = {
      // The scrape is one itself.
      inflight: metric('armorm_inflight') - 1,
      queued: metric('armorm_queue_depth'),
      restarts: metric('armorm_engine_restarts')
    }
    return { title, requests, clients, driven, samples, left }
  } finally {
    await end(child)
  }
}

async function main(args: string[]): Promise<void> {
  const chosen = options(args)
  const loadAtStart = processesWanting()
  const { manifest } = await loadBundle(DEFAULT_MODEL)
  const runs: SoakRun[] = []
  for (const plan of chosen.plans) {
    console.error(`${plan.title}: ${plan.requests} requests`)
    runs.push(await soak(plan, chosen, manifest))
  }
  const { name, revision, precision } = { ...manifest.model, precision: manifest.backbone.precision }
  const report = soakReport({
    date: new Date().toISOString().slice(0, 10),
    quick: chosen.quick,
    model: `${name}, revision ${revision}, ${precision}`,
    machine: machineFigures([], loadAtStart),
    runs
  })
  console.log(report)
  if (!chosen.quick) await writeFile(REPORT, report)
  if (runs.some(({ driven, left }) => driven.wrongCount > 0 || left.inflight + left.queued > 0)) process.exitCode = 1
}

await program('soak', USAGE, main)
