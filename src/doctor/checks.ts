/** What the facts mean for `armorm serve`: pure functions, so that each machine can be made up in a test. */
import { leastEngineBytes } from '../bundle/least-memory.js'
import type { Manifest } from '../bundle/manifest.js'
import type { ExecutionProvider } from '../engine/contract.js'
import { CUDA_LIBRARIES, type MachineFacts } from './facts.js'

export interface Check {
  readonly name: string
  /** fail: `armorm serve` would not start, or not for long. */
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
  /** What to do; absent where all is well. */
  readonly advice?: string
}

/** What was measured by starting the engine. */
export interface Measured {
  readonly engineBytes: number
  readonly peakBytes: number
  readonly tokensPerSecond: number
  readonly targetTokens: number
}

export interface BundleFacts {
  readonly manifest: Manifest
  readonly provider: ExecutionProvider
  readonly tokenizerThreads: number
}

/** Node that package.json asks for. */
const LEAST_NODE = [20, 19]
/** What ONNX Runtime's builds for Linux are linked against. */
const LEAST_GLIBC = [2, 28]
/** Each connection takes a descriptor, and trainers open thousands. */
const FEW_FILES = 4096
/** Bytes of a tokenizer worker for each word of the vocabulary, measured: 220 MB with 128,000. */
const TOKENIZER_BYTES = 1720
/** Of the server without tokenizers and engine, its two stores full. */
const SERVER_BYTES = 300e6

const ok = (name: string, found: string): Check => ({ name, status: 'ok', found })
const warn = (name: string, found: string, advice: string): Check => ({ name, status: 'warn', found, advice })
const fail = (name: string, found: string, advice: string): Check => ({ name, status: 'fail', found, advice })

export function machineChecks(facts: MachineFacts): Check[] {
  return [
    nodeCheck(facts),
    libraryCheck(facts),
    cpuCheck(facts),
    coresCheck(facts),
    memoryCheck(facts),
    filesCheck(facts)
  ]
}

/** @param measured - null when the engine was not started */
export function bundleChecks(facts: MachineFacts, bundle: BundleFacts, measured: Measured | null): Check[] {
  return [
    precisionCheck(facts, bundle),
    gpuCheck(facts, bundle),
    roomCheck(facts, bundle, measured),
    ...(measured ? [reloadCheck(facts, bundle, measured), rateCheck(bundle, measured)] : [])
  ]
}

export function nodeCheck({ nodeVersion }: MachineFacts): Check {
  if (atLeast(nodeVersion, LEAST_NODE)) return ok('node', nodeVersion)
  return fail('node', nodeVersion, `install Node ${LEAST_NODE.join('.')} or newer`)
}

export function libraryCheck({ glibc, platform }: MachineFacts): Check {
  if (glibc === undefined) return ok('C library', platform)
  if (glibc === null) {
    return fail('C library', 'not glibc', 'ONNX Runtime needs glibc: take an image of Debian or Ubuntu, not Alpine')
  }
  if (atLeast(glibc, LEAST_GLIBC)) return ok('C library', `glibc ${glibc}`)
  return fail('C library', `glibc ${glibc}`, `ONNX Runtime needs glibc ${LEAST_GLIBC.join('.')}: take a newer system`)
}

export function cpuCheck({ cpu, arch }: MachineFacts): Check {
  if (cpu === null) return ok('processor', `${arch}; its instructions are not known`)
  const found = `${cpu.model}: ${cpu.features.join(', ') || 'none of the instructions that matter'}`
  if (arch === 'x64' && !cpu.features.includes('avx2')) {
    return warn('processor', found, 'without AVX2 products of matrices take several times as long: take a newer one')
  }
  return ok('processor', found)
}

export function coresCheck({ cores, quota }: MachineFacts): Check {
  const threads = Math.max(1, Math.min(cores, Math.floor(quota)))
  const found = quota === Infinity ? `${cores}` : `${cores}, of which the cgroup allows ${Number(quota.toFixed(2))}`
  if (quota < 1) {
    return warn('cores', found, 'a part of a core is stopped for most of the time, probes with it: allow one at least')
  }
  if (quota < cores && quota % 1 > 0) {
    return warn('cores', found, `the engine computes on ${threads}: allow a whole number of cores`)
  }
  return ok('cores', `${found}; the engine computes on ${threads}`)
}

export function memoryCheck({ memory }: MachineFacts): Check {
  if (memory === null) return ok('memory', 'not known on this system')
  const found = `${gigabytes(memory.available)} free of ${gigabytes(memory.total)}${memory.limited ? ' that the cgroup allows' : ''}`
  if (memory.available >= SERVER_BYTES) return ok('memory', found)
  return fail('memory', found, `the server without any model takes up to ${gigabytes(SERVER_BYTES)}`)
}

export function filesCheck({ openFiles }: MachineFacts): Check {
  if (openFiles === null) return ok('open files', 'not known on this system')
  const found = openFiles === Infinity ? 'no limit' : `${openFiles}`
  if (openFiles >= FEW_FILES) return ok('open files', found)
  return warn('open files', found, `each connection takes one: allow ${FEW_FILES} or more (ulimit -n, LimitNOFILE)`)
}

export function precisionCheck({ cpu, arch }: MachineFacts, { manifest, provider }: BundleFacts): Check {
  const { precision, providers } = manifest.backbone
  const found = `${precision}, for ${providers.join(', ')}`
  if (provider !== 'cpu' || cpu === null) return ok('precision', found)
  const has = (...names: readonly string[]) => names.some((name) => cpu.features.includes(name))
  const dots = arch === 'x64' ? has('avx512_vnni', 'avx_vnni') : has('asimddp', 'i8mm')
  if (precision === 'int8' && !dots) {
    return warn(
      'precision',
      found,
      'this processor has no products of 8-bit integers (VNNI, dotprod): compare with fp32'
    )
  }
  if (precision === 'fp16') return warn('precision', found, 'half precision is slow on a CPU: export fp32 or int8')
  if (precision !== 'int8' && dots) {
    return {
      ...ok('precision', found),
      advice: 'this processor multiplies 8-bit integers: int8 is about a third faster'
    }
  }
  return ok('precision', found)
}

export function gpuCheck({ gpus, cudaLibraries, cudaProvider }: MachineFacts, { provider }: BundleFacts): Check {
  const found = gpus.map(({ name, memoryMiB, driver }) => `${name}, ${memoryMiB} MiB, driver ${driver}`).join('; ')
  if (provider === 'cpu') {
    if (found === '') return ok('GPU', 'none, and none is asked for')
    return { ...ok('GPU', found), advice: 'it is not used: export --precision fp16 and serve --provider cuda for that' }
  }
  const missing = CUDA_LIBRARIES.filter((name) => !cudaLibraries.includes(name))
  if (!cudaProvider) {
    return fail(
      'GPU',
      found || 'none',
      "ONNX Runtime's CUDA libraries are not installed: docs/operating.md, GPU, says how"
    )
  }
  if (found === '') return fail('GPU', 'nvidia-smi finds none', 'give the process a GPU, or serve --provider cpu')
  if (missing.length > 0) {
    return fail('GPU', found, `the loader does not find ${missing.join(', ')}: install CUDA 12 and cuDNN 9`)
  }
  return ok('GPU', found)
}

export function tokenizerBytes({ manifest, tokenizerThreads }: BundleFacts): number {
  return manifest.tokenizer ? tokenizerThreads * manifest.backbone.vocab_size * TOKENIZER_BYTES : 0
}

/** Whether the model fits beside the server. */
export function roomCheck({ memory }: MachineFacts, bundle: BundleFacts, measured: Measured | null): Check {
  const engine = bundle.provider === 'cpu' ? leastEngineBytes(bundle.manifest) : 0
  const needed = (measured?.peakBytes ?? engine) + tokenizerBytes(bundle) + SERVER_BYTES
  const found =
    `${measured ? '' : 'at least '}${gigabytes(needed)}: engine ${gigabytes(measured?.peakBytes ?? engine)}` +
    `${measured ? ' at its peak' : ''}, tokenizers ${gigabytes(tokenizerBytes(bundle))}, server ${gigabytes(SERVER_BYTES)}`
  if (memory === null) return ok('model in memory', found)
  if (needed > memory.available) {
    const advice = `${gigabytes(memory.available)} are free: more memory, fewer --tokenizer-threads, or a smaller --precision`
    return fail('model in memory', found, advice)
  }
  return ok('model in memory', found)
}

/** Whether a reload would find room for a second model beside the first. */
export function reloadCheck({ memory }: MachineFacts, bundle: BundleFacts, measured: Measured): Check {
  const one = measured.peakBytes + tokenizerBytes(bundle)
  const needed = 2 * one + SERVER_BYTES
  const found = `${gigabytes(needed)} with both models`
  if (memory === null || needed <= memory.available) return ok('reload', found)
  return warn('reload', found, `${gigabytes(memory.available)} are free: restart instead of reloading`)
}

/** Conversations a second, of 500 tokens, below which a trainer waits for rewards more than for anything else. */
const SLOW_TOKENS = 500

export function rateCheck({ manifest }: BundleFacts, { tokensPerSecond, targetTokens }: Measured): Check {
  const found = `${Math.round(tokensPerSecond)} tokens a second in batches of ${targetTokens}`
  const longest = Math.round(manifest.max_tokens / tokensPerSecond)
  if (tokensPerSecond >= SLOW_TOKENS) return ok('speed', found)
  return warn('speed', found, `the longest conversation takes ${longest} s or more: more cores, int8, or a GPU`)
}

export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`

/** Compares dotted numbers as far as `least` has them. */
function atLeast(version: string, least: readonly number[]): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of least.entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part > wanted
  }
  return true
}
