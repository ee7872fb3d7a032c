/** `npm run bench`: this server, its engine and its peers side by side; writes docs/benchmarks.md. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { loadBundle } from '../src/bundle/load.js'
import { messageOf, program } from './command-line.js'
import { CONTESTANTS } from './contestants/all.js'
import type { Contestant, Work } from './contestants/contestant.js'
import { EngineAlone } from './contestants/engine.js'
import { LlamaCpp } from './contestants/llama-cpp.js'
import { PlainServer } from './contestants/plain.js'
import { PyTorch } from './contestants/pytorch.js'
import { ArmormServer } from './contestants/server.js'
import type { Figures } from './figures.js'
import { lowLoad } from './jobs/low-load.js'
import { repeats } from './jobs/repeats.js'
import { tokenization } from './jobs/tokenization.js'
import { LoadBuilder, type LoadShape } from './loads.js'
import { machineFigures, processesWanting } from './machine.js'
import { benchOptions, type BenchOptions, USAGE } from './options.js'
import { type Peers, preparePeers } from './peers/prepare.js'
import { report } from './report.js'
import { runRounds } from './rounds.js'
import { mean } from './statistics.js'
import { loadText, readGroups, tokenCounter, tokenized } from './text.js'

/** The peers sit out what no bar asks of them. */
const PEER_LOADS = ['ppo', 'grpo-a', 'grpo-b']
/** Prompts of a sample. */
const SAMPLE = { single: 8, groups: 2 }
const QUICK_SAMPLE = { single: 4, groups: 1 }

const tell = (line: string): void => console.error(line)

interface Started {
  readonly all: Contestant[]
  readonly server: ArmormServer | null
  readonly engine: EngineAlone | null
}

async function startContestants(
  options: BenchOptions,
  threads: number,
  maxTokens: number,
  peers: Peers,
  skipped: string[]
): Promise<Started> {
  const { wants, model: folder } = options
  const all: Contestant[] = []
  try {
    const server = wants('server') ? await ArmormServer.start({ folder, threads, cache: false }) : null
    if (server) all.push(server)
    const engine = wants('engine') ? await EngineAlone.start(folder, threads) : null
    if (engine) all.push(engine)
    if (peers.int8Bundle !== null) {
      const int8 = { folder: peers.int8Bundle, threads }
      all.push(await ArmormServer.start({ ...int8, cache: false, name: 'server-int8' }))
      all.push(await EngineAlone.start(int8.folder, threads, 'engine-int8'))
    }
    if (wants('pytorch') && peers.python !== null && peers.checkpoint !== null) {
      const peer = await PyTorch.start(peers.python, peers.checkpoint, threads)
      const variants = peer.contestants().filter(({ name }) => !options.leftOut.includes(name))
      all.push(...variants.map((variant) => ({ ...variant, loads: PEER_LOADS })))
    }
    if (peers.plainBundle !== null) {
      const plain = await PlainServer.start(peers.plainBundle, peers.plainBackbone, threads)
      all.push(Object.assign(plain, { loads: PEER_LOADS }))
    }
    if (peers.llamaCpp !== null) {
      try {
        const peer = await LlamaCpp.start({ ...peers.llamaCpp, folder, maxTokens, threads })
        all.push(...peer.contestants().map((variant) => ({ ...variant, loads: PEER_LOADS })))
      } catch (error) {
        skipped.push(`llama.cpp: ${messageOf(error)}`)
      }
    }
    return { all, server, engine }
  } catch (error) {
    await Promise.all(all.map((contestant) => contestant.close()))
    throw error
  }
}

async function bench(options: BenchOptions): Promise<Figures> {
  const loadAtStart = processesWanting()
  const bundle = await loadBundle(options.model)
  const { manifest, folder } = bundle
  const text = await loadText(folder, manifest)
  const builder = new LoadBuilder(await readGroups(options.data), tokenCounter(text))
  const work = (shape: LoadShape): Work => tokenized(text, shape.name, builder.build(shape))
  const shapeOf = (load: string) => options.shapes.find(({ name }) => name === load)!
  const { single: singles, groups } = options.quick ? QUICK_SAMPLE : SAMPLE
  const sampleOf = (shape: LoadShape): LoadShape => ({
    ...shape,
    prompts: Math.min(shape.prompts, shape.responsesPerPrompt === 1 ? singles : groups)
  })
  const single: LoadShape = {
    name: 'low-load',
    title: '',
    prompts: options.lowLoad,
    responsesPerPrompt: 1,
    promptTokens: 250,
    responseTokens: 300
  }

  const skipped = [...options.skipped]
  /** What fails behind the rounds is told in the report: it does not take their figures, an hour's, with it. */
  const attempt = async <T>(name: string, job: () => Promise<T>): Promise<T | null> => {
    try {
      return await job()
    } catch (error) {
      skipped.push(`${name}: ${messageOf(error)}`)
      process.exitCode = 1
      return null
    }
  }
  const peers = await preparePeers(options, bundle, skipped, tell)
  const collected = { runs: [], settings: [], agreement: [], works: [] } as Awaited<ReturnType<typeof runRounds>>
  let jobs: Pick<Figures, 'lowLoad' | 'repeats' | 'tokenization'> = { lowLoad: null, repeats: null, tokenization: null }
  for (const threads of options.threads) {
    const started = await startContestants(options, threads, manifest.max_tokens, peers, skipped)
    const { all, server, engine } = started
    try {
      const found = await runRounds({
        threads,
        rounds: options.rounds,
        thorough: !options.quick,
        contestants: all,
        loads: options.shapes.map(({ name }) => name),
        work: (load, sample) => work(sample ? sampleOf(shapeOf(load)) : shapeOf(load)),
        tell
      })
      collected.runs.push(...found.runs)
      collected.settings.push(...found.settings)
      collected.works.push(...found.works)
      if (threads !== options.threads[0]) continue
      collected.agreement.push(...found.agreement)
      const conversations = work(single)
      if (server && engine && options.wants('low-load')) {
        const job = () => lowLoad(server, engine, conversations.groups.flat())
        jobs = { ...jobs, lowLoad: await attempt('low load', job) }
      }
      if (server && options.wants('tokenization')) {
        const job = () => tokenization(folder, manifest, server, conversations.groups.flat())
        jobs = { ...jobs, tokenization: await attempt('tokenization', job) }
      }
    } finally {
      await Promise.all(all.map((contestant) => contestant.close()))
    }
    if (server && options.wants('repeats')) {
      jobs = { ...jobs, repeats: await attempt('repeats', () => repeats(folder, threads, work(single))) }
    }
  }

  const { name, revision } = manifest.model
  return {
    date: new Date().toISOString().slice(0, 10),
    quick: options.quick,
    rounds: options.rounds,
    data: options.data,
    model: { name, revision, precision: manifest.backbone.precision },
    machine: machineFigures(peers.versions, loadAtStart),
    loads: options.shapes.map((shape) => {
      const all = collected.works.filter(({ load }) => load === shape.name).flatMap(({ groups }) => groups.flat())
      return {
        name: shape.name,
        title: shape.title,
        conversations: shape.prompts * shape.responsesPerPrompt,
        responsesPerPrompt: shape.responsesPerPrompt,
        meanPromptTokens: mean(all.map(({ promptTokens }) => promptTokens)),
        meanResponseTokens: mean(all.map(({ ids, promptTokens }) => ids.length - promptTokens))
      }
    }),
    contestants: CONTESTANTS.filter(({ family }) => options.wants(family)),
    runs: collected.runs,
    agreement: collected.agreement,
    settings: collected.settings,
    ...jobs,
    plainGraph: peers.plainBackbone === null ? 'own' : 'torch',
    skipped
  }
}

await program('bench', USAGE, async (args) => {
  const options = benchOptions(args)
  const text = report(await bench(options))
  if (options.out === null) {
    console.log(text)
    return
  }
  await mkdir(dirname(options.out), { recursive: true })
  await writeFile(options.out, text)
  tell(`written to ${options.out}`)
})
