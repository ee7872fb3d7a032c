/**
 * Where a token's time goes: ONNX Runtime's own time of every operator of the backbone, by part.
 *
 *     npm run profile -- [--model models/default]... [--threads 1] [--write]
 *
 * `--write` puts the table into docs/performance.md and the picture beside it.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { loadBundle } from '../src/bundle/load.js'
import { exactTokensOf, type Manifest } from '../src/bundle/manifest.js'
import { engineEnvironment } from '../src/engine/environment.js'
import { packBatch } from '../src/engine/pack.js'
import { RewardSession } from '../src/engine/session.js'
import { LoadBuilder, type LoadShape } from './loads.js'
import { type OperatorTime, PARTS, profilePicture, type Profile, partTimes, profileTable } from './profile/parts.js'
import { loadText, readGroups, tokenCounter, tokenized } from './text.js'

// Compiled to build/bench, two folders below the root.
const DOCUMENT = new URL('../../docs/performance.md', import.meta.url)
const PICTURE = new URL('../../docs/profile.svg', import.meta.url)
const CONVERSATIONS = 'bench/conversations.jsonl'
const MARKERS = /(<!-- profile -->\n)[^]*(<!-- \/profile -->)/
const RUNS = 5

const SHAPES: readonly LoadShape[] = [
  {
    name: 'ppo',
    title: 'PPO: one 250 + 300',
    prompts: 1,
    responsesPerPrompt: 1,
    promptTokens: 250,
    responseTokens: 300
  },
  {
    name: 'grpo-a',
    title: 'GRPO-A: 260 + 8 x 95',
    prompts: 1,
    responsesPerPrompt: 8,
    promptTokens: 260,
    responseTokens: 95
  },
  {
    name: 'grpo-b',
    title: 'GRPO-B: 250 + 8 x 500',
    prompts: 1,
    responsesPerPrompt: 8,
    promptTokens: 250,
    responseTokens: 500
  },
  {
    name: 'long',
    title: 'one of 2,000 + 2,000',
    prompts: 1,
    responsesPerPrompt: 1,
    promptTokens: 2000,
    responseTokens: 2000
  }
]

interface TraceEvent {
  readonly cat: string
  readonly name: string
  readonly dur: number
  readonly args: { readonly op_name?: string }
}

/** Operators of the only file in a folder that ONNX Runtime wrote its profile to; loops hold others, and are left out. */
async function operators(folder: string): Promise<OperatorTime[]> {
  const [name] = await readdir(folder)
  const events = JSON.parse(await readFile(join(folder, name!), 'utf8')) as TraceEvent[]
  const suffix = '_kernel_time'
  return events
    .filter(({ cat, name, args }) => cat === 'Node' && name.endsWith(suffix) && args.op_name !== 'Loop')
    .map(({ name, dur, args }) => ({ path: name.slice(0, -suffix.length), operator: args.op_name!, microseconds: dur }))
}

async function profile(folder: string, manifest: Manifest, threads: number): Promise<Profile[]> {
  const text = await loadText(folder, manifest)
  const loads = new LoadBuilder(await readGroups(CONVERSATIONS), tokenCounter(text))
  const profiles: Profile[] = []
  // The first that a process profiles comes out slower than it is; it does not count.
  for (const shape of [SHAPES[0]!, ...SHAPES]) {
    const { groups } = tokenized(text, shape.name, loads.build(shape))
    const batch = groups.flat()
    const traces = await mkdtemp(join(tmpdir(), 'armorm-profile-'))
    try {
      const session = await RewardSession.open({
        folder,
        provider: 'cpu',
        threads,
        exactTokens: exactTokensOf(manifest),
        profile: join(traces, 'trace')
      })
      for (let run = 0; run < RUNS; run++) await session.run(batch)
      session.endProfile()
      profiles.push({
        precision: manifest.backbone.precision,
        load: shape.title,
        tokens: packBatch(batch).tokenIds.length,
        parts: partTimes(await operators(traces), RUNS)
      })
    } finally {
      await rm(traces, { recursive: true, force: true })
    }
  }
  return profiles.slice(1)
}

/** Profiles of one bundle, measured in a process of its own, as the engine has one: its heap decides the rate too. */
async function measured(model: string, threads: string): Promise<Profile[]> {
  const args = [fileURLToPath(import.meta.url), '--model', model, '--threads', threads, '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: engineEnvironment() })
  return JSON.parse(stdout) as Profile[]
}

const { values } = parseArgs({
  options: {
    model: { type: 'string', multiple: true, default: ['models/default'] },
    threads: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    // Of the process that measures.
    json: { type: 'boolean', default: false }
  }
})
if (values.json) {
  const { folder, manifest } = await loadBundle(values.model[0]!)
  console.log(JSON.stringify(await profile(folder, manifest, Number(values.threads))))
} else {
  const profiles: Profile[] = []
  for (const model of values.model) profiles.push(...(await measured(model, values.threads)))
  const table = profileTable(profiles)
  console.log(table)
  if (values.write) await write(table, profiles)
}

async function write(table: string, profiles: readonly Profile[]): Promise<void> {
  const document = await readFile(DOCUMENT, 'utf8')
  if (!MARKERS.test(document)) throw new Error('docs/performance.md has no markers to write between')
  await writeFile(
    DOCUMENT,
    document.replace(MARKERS, (_all, open: string, close: string) => `${open}\n${table}\n\n${close}`)
  )
  await writeFile(PICTURE, profilePicture(profiles, PARTS))
}
