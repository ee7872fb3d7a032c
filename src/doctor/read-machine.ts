/** Asks this machine what it has. Nothing here decides anything. */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { readText } from '../engine/cgroup.js'
import { memoryRoom } from '../engine/memory.js'
import { cgroupCpuQuota } from '../engine/threads.js'
import { findCudaLibraries, type MachineFacts, parseCpuInfo, parseGpus, parseOpenFiles } from './facts.js'

/** Milliseconds after which a program that tells of the machine is left alone. */
const PROGRAM_MS = 10_000

export function readMachine(): MachineFacts {
  const limits = readText('/proc/self/limits')
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    glibc: process.platform === 'linux' ? glibcVersion() : undefined,
    cpu: parseCpuInfo(readText('/proc/cpuinfo') ?? ''),
    cores: availableParallelism(),
    quota: cgroupCpuQuota(),
    memory: memoryRoom(),
    openFiles: limits === null ? null : parseOpenFiles(limits),
    gpus: parseGpus(
      output('nvidia-smi', ['--query-gpu=name,memory.total,driver_version', '--format=csv,noheader,nounits'])
    ),
    cudaLibraries: findCudaLibraries([output('ldconfig', ['-p']), ...libraryPathFiles()]),
    cudaProvider: existsSync(join(runtimeFolder(), 'libonnxruntime_providers_cuda.so'))
  }
}

function glibcVersion(): string | null {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime ?? null
}

/** What a program prints; nothing where it is not there or fails. Programs of administrators are not on everybody's path. */
function output(program: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: PROGRAM_MS, env })
  return status === 0 ? stdout : ''
}

function libraryPathFiles(): string[] {
  const folders = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '')
  return folders.map((folder) => {
    try {
      return readdirSync(folder).join('\n')
    } catch {
      return ''
    }
  })
}

/** Folder of onnxruntime-node's libraries for this platform. */
function runtimeFolder(): string {
  // Its entry is dist/index.js.
  const root = dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')))
  return join(root, 'bin', 'napi-v6', process.platform, process.arch)
}
