import t from 'tap'
import { type BundleFacts, bundleChecks, machineChecks, type Measured } from '../../src/doctor/checks.js'
import { CUDA_LIBRARIES, type MachineFacts } from '../../src/doctor/facts.js'
import { manifest } from '../http/helpers.js'

const GB = 1e9

const good: MachineFacts = {
  platform: 'linux',
  arch: 'x64',
  nodeVersion: '22.1.0',
  glibc: '2.36',
  cpu: { model: 'made up', features: ['avx2', 'fma', 'avx512_vnni'] },
  cores: 8,
  quota: Infinity,
  memory: { total: 64 * GB, available: 60 * GB, limited: false },
  openFiles: 65_536,
  gpus: [{ name: 'NVIDIA L4', memoryMiB: 23_034, driver: '570.86' }],
  cudaLibraries: CUDA_LIBRARIES,
  cudaProvider: true
}

/** An int8 bundle of 8 GB. */
const bundle: BundleFacts = {
  manifest: {
    ...manifest,
    backbone: { ...manifest.backbone, precision: 'int8', vocab_size: 128_000, hidden_size: 4096 },
    max_tokens: 8192,
    files: { 'backbone.onnx.data': { sha256: '', bytes: 8 * GB }, 'tokenizer.json': { sha256: '', bytes: GB } }
  },
  provider: 'cpu',
  tokenizerThreads: 4
}
const measured: Measured = { engineBytes: 9 * GB, peakBytes: 10 * GB, tokensPerSecond: 2000, targetTokens: 256 }
const onGpu: BundleFacts = { ...bundle, provider: 'cuda' }

t.test('a good machine has nothing to complain of', async (t) => {
  for (const facts of [good, { ...good, memory: null, openFiles: null, cpu: null, glibc: undefined }]) {
    for (const each of [bundle, onGpu]) {
      const checks = [...machineChecks(facts), ...bundleChecks(facts, each, measured)]
      t.strictSame(
        checks.filter(({ status }) => status !== 'ok'),
        []
      )
    }
  }
})

const MACHINES: readonly (readonly [string, Partial<MachineFacts>, string, 'warn' | 'fail', RegExp])[] = [
  ['an old Node', { nodeVersion: '20.18.9' }, 'node', 'fail', /install Node 20\.19/],
  ['musl', { glibc: null }, 'C library', 'fail', /Alpine/],
  ['an old glibc', { glibc: '2.17' }, 'C library', 'fail', /2\.28/],
  ['no AVX2', { cpu: { model: 'old', features: [] } }, 'processor', 'warn', /AVX2/],
  ['less than a core', { quota: 0.5 }, 'cores', 'warn', /allow one/],
  ['a part of a core', { quota: 2.5 }, 'cores', 'warn', /computes on 2:/],
  ['no memory', { memory: { total: GB, available: 0.1 * GB, limited: true } }, 'memory', 'fail', /without any model/],
  ['few open files', { openFiles: 1024 }, 'open files', 'warn', /ulimit -n/]
]

for (const [name, change, check, status, advice] of MACHINES) {
  t.test(`a machine with ${name}`, async (t) => {
    const bad = machineChecks({ ...good, ...change }).filter((each) => each.status !== 'ok')
    t.match(bad, [{ name: check, status, advice }])
    t.equal(bad.length, 1)
  })
}

t.test('a quota of whole cores is none to complain of', async (t) => {
  t.match(
    machineChecks({ ...good, quota: 4 }).find(({ name }) => name === 'cores'),
    { status: 'ok', found: '8, of which the cgroup allows 4; the engine computes on 4' }
  )
})

const memory = (available: number) => ({ memory: { total: 64 * GB, available, limited: true } })
const BUNDLES: readonly (readonly [
  string,
  Partial<MachineFacts>,
  BundleFacts,
  Measured | null,
  string,
  'warn' | 'fail',
  RegExp
])[] = [
  ['int8 without VNNI', { cpu: { model: 'a', features: ['avx2'] } }, bundle, measured, 'precision', 'warn', /VNNI/],
  [
    'int8 without dotprod',
    { arch: 'arm64', cpu: { model: 'a', features: ['asimd'] } },
    bundle,
    measured,
    'precision',
    'warn',
    /dotprod/
  ],
  ['too little memory, as estimated', memory(7 * GB), bundle, null, 'model in memory', 'fail', /7\.00 GB are free/],
  [
    'too little memory, as measured',
    memory(10 * GB),
    bundle,
    measured,
    'model in memory',
    'fail',
    /10\.00 GB are free/
  ],
  ['no memory for a second model', memory(15 * GB), bundle, measured, 'reload', 'warn', /restart/],
  ['a slow engine', {}, bundle, { ...measured, tokensPerSecond: 100 }, 'speed', 'warn', /82 s/],
  ['no GPU', { gpus: [] }, onGpu, null, 'GPU', 'fail', /give the process a GPU/],
  ['no CUDA provider', { cudaProvider: false }, onGpu, null, 'GPU', 'fail', /operating\.md, GPU/],
  ['no cuDNN', { cudaLibraries: CUDA_LIBRARIES.slice(0, -1) }, onGpu, null, 'GPU', 'fail', /find libcudnn\.so\.9:/]
]

for (const [name, change, each, found, check, status, advice] of BUNDLES) {
  t.test(name, async (t) => {
    const bad = bundleChecks({ ...good, ...change }, each, found).filter((one) => one.status !== 'ok')
    t.match(
      bad.find((one) => one.name === check),
      { status, advice }
    )
  })
}

t.test('half precision on a CPU is slow, and int8 would be faster than fp32', async (t) => {
  const of = (precision: 'fp16' | 'fp32') => ({
    ...bundle,
    manifest: { ...bundle.manifest, backbone: { ...bundle.manifest.backbone, precision } }
  })
  const precision = (each: BundleFacts) => bundleChecks(good, each, null).find(({ name }) => name === 'precision')
  t.match(precision(of('fp16')), { status: 'warn', advice: /slow on a CPU/ })
  t.match(precision(of('fp32')), { status: 'ok', advice: /int8/ })
})

t.test('on a GPU the weights take no memory of the machine', async (t) => {
  const [room] = bundleChecks({ ...good, ...memory(2 * GB) }, onGpu, null).filter(
    ({ name }) => name === 'model in memory'
  )
  t.equal(room!.status, 'ok')
})
