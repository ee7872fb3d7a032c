import t from 'tap'
import { CUDA_LIBRARIES, findCudaLibraries, parseCpuInfo, parseGpus, parseOpenFiles } from '../../src/doctor/facts.js'
import { readMachine } from '../../src/doctor/read-machine.js'

t.test('processors by the instructions that matter', async (t) => {
  const x86 =
    'processor\t: 0\nmodel name\t: AMD EPYC 9V74\nflags\t\t: fpu sse2 fma avx avx2 avx512f avx512_vnni\n\nprocessor\t: 1\n'
  t.strictSame(parseCpuInfo(x86), { model: 'AMD EPYC 9V74', features: ['avx2', 'fma', 'avx512f', 'avx512_vnni'] })
  const arm = 'processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd asimddp i8mm bf16\nCPU part\t: 0xd40\n'
  t.strictSame(parseCpuInfo(arm), { model: '0xd40', features: ['asimd', 'asimddp', 'i8mm', 'bf16'] })
  t.equal(parseCpuInfo(''), null)
})

t.test('the limit of open files', async (t) => {
  const line = (soft: string) =>
    `Limit   Soft Limit  Hard Limit  Units\nMax open files            ${soft}      1048576   files\n`
  t.equal(parseOpenFiles(line('1024')), 1024)
  t.equal(parseOpenFiles(line('unlimited')), Infinity)
  t.equal(parseOpenFiles('Max processes 1 1 processes'), null)
})

t.test('graphics cards, and nothing where nvidia-smi says something else', async (t) => {
  t.strictSame(parseGpus('NVIDIA H200, 143771, 570.86.15\nNVIDIA L4, 23034, 570.86.15\n'), [
    { name: 'NVIDIA H200', memoryMiB: 143_771, driver: '570.86.15' },
    { name: 'NVIDIA L4', memoryMiB: 23_034, driver: '570.86.15' }
  ])
  for (const nothing of ['', 'No devices were found\n', 'NVIDIA, [N/A], 5\n']) t.strictSame(parseGpus(nothing), [])
})

t.test('CUDA libraries that the loader finds, by their whole names', async (t) => {
  const cache = '\tlibcudart.so.12 (libc6,x86-64) => /usr/lib/libcudart.so.12\n\tlibcublas.so.11 (libc6) => /a\n'
  t.strictSame(findCudaLibraries([cache, 'libcudnn.so.9\nlibcudnn.so.9.1.0']), ['libcudart.so.12', 'libcudnn.so.9'])
  t.strictSame(findCudaLibraries(CUDA_LIBRARIES), CUDA_LIBRARIES)
})

t.test('this machine is read without a fault', async (t) => {
  const facts = readMachine()
  t.equal(facts.nodeVersion, process.versions.node)
  t.ok(facts.cores >= 1 && facts.quota > 0)
  if (process.platform === 'linux') t.ok(facts.memory!.available > 0 && facts.openFiles! > 0)
})
