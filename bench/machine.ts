/** What the figures were measured on. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { usableThreads } from '../src/engine/threads.js'
import type { MachineFigures } from './figures.js'

/** @param peers versions of the peers' programs, by name */
export function machineFigures(peers: readonly (readonly [string, string])[], loadAtStart: number): MachineFigures {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: usableThreads(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${release().split('-')[0]} ${arch()}`,
    versions: [['Node', process.version], ['onnxruntime-node', versionOf('onnxruntime-node')], ...peers],
    loadAtStart,
    loadAtEnd: processesWanting()
  }
}

/** Processes that want a core, on average over the last minute. */
export const processesWanting = (): number => loadavg()[0]!

function versionOf(name: string): string {
  const entry = createRequire(import.meta.url).resolve(name)
  const folder = entry.slice(0, entry.lastIndexOf(join('node_modules', name)) + join('node_modules', name).length)
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}
