/** What a machine has, as its own files and programs tell it. */

/** Instructions that decide how fast products of matrices are. */
export interface Cpu {
  readonly model: string
  /** Those of `X86_FEATURES` or `ARM_FEATURES` that it has. */
  readonly features: readonly string[]
}

export const X86_FEATURES = ['avx2', 'fma', 'avx512f', 'avx512_vnni', 'avx_vnni', 'avx512_bf16', 'amx_int8', 'amx_bf16']
export const ARM_FEATURES = ['asimd', 'asimddp', 'i8mm', 'bf16', 'sve']

export interface Gpu {
  readonly name: string
  readonly memoryMiB: number
  readonly driver: string
}

/** What `armorm doctor` knows of the machine. */
export interface MachineFacts {
  readonly platform: string
  readonly arch: string
  readonly nodeVersion: string
  /** Null where the C library is another one; undefined where the question is none (not Linux). */
  readonly glibc: string | null | undefined
  readonly cpu: Cpu | null
  /** Cores that the process may run on. */
  readonly cores: number
  /** CPUs that the cgroup allows; Infinity where it sets no limit. */
  readonly quota: number
  readonly memory: { readonly total: number; readonly available: number; readonly limited: boolean } | null
  /** Descriptors that the process may open; null where it is not known. */
  readonly openFiles: number | null
  readonly gpus: readonly Gpu[]
  /** Names of the libraries of `CUDA_LIBRARIES` that the loader finds. */
  readonly cudaLibraries: readonly string[]
  /** Whether onnxruntime-node has its CUDA provider. */
  readonly cudaProvider: boolean
}

/** What ONNX Runtime's CUDA provider is linked against (CUDA 12, cuDNN 9). */
export const CUDA_LIBRARIES = [
  'libcudart.so.12',
  'libcublas.so.12',
  'libcublasLt.so.12',
  'libcufft.so.11',
  'libcurand.so.10',
  'libcudnn.so.9'
]

/** @param text - /proc/cpuinfo @returns null when it names no feature list */
export function parseCpuInfo(text: string): Cpu | null {
  const field = (names: string) => new RegExp(`^(?:${names})\\s*: (.+)$`, 'm').exec(text)?.[1]?.trim()
  const list = field('flags|Features')
  if (list === undefined) return null
  const found = new Set(list.split(/\s+/))
  return {
    model: field('model name|Model|CPU part') ?? 'unknown',
    features: [...X86_FEATURES, ...ARM_FEATURES].filter((name) => found.has(name))
  }
}

/** @param text - /proc/self/limits @returns Infinity for `unlimited`, null when the line is not there */
export function parseOpenFiles(text: string): number | null {
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1]
  if (soft === undefined) return null
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** @param text - of `nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv,noheader,nounits` */
export function parseGpus(text: string): Gpu[] {
  return text.split('\n').flatMap((line) => {
    const [name, memory, driver] = line.split(',').map((part) => part.trim())
    const memoryMiB = Number(memory)
    return name && driver && Number.isFinite(memoryMiB) ? [{ name, memoryMiB, driver }] : []
  })
}

/** @param texts - what `ldconfig -p` printed, and names of files in the folders of LD_LIBRARY_PATH */
export function findCudaLibraries(texts: readonly string[]): string[] {
  const words = new Set(texts.flatMap((text) => text.split(/\s+/)))
  return CUDA_LIBRARIES.filter((name) => words.has(name))
}
