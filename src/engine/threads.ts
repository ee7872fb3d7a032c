/** How many threads a process may really use: the cgroup's quota counts, not the host's cores. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const CGROUP_ROOT = '/sys/fs/cgroup'

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

/** Every folder from the process's own cgroup up to the root: a quota anywhere on the way holds. */
function ancestors(root: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, depth) => join(root, ...parts.slice(0, parts.length - depth)))
}

/** CPUs that cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_quota_us`) allows; Infinity where nothing is limited. */
export function cgroupCpuQuota(cgroupRoot = CGROUP_ROOT, membership = '/proc/self/cgroup'): number {
  let quota = Infinity
  for (const line of (read(membership) ?? '0::/').split('\n')) {
    // A path may hold colons itself.
    const [, controllers = '', ...path] = line.split(':')
    if (controllers === '') {
      for (const folder of ancestors(cgroupRoot, path.join(':'))) {
        const [limit, period] = (read(join(folder, 'cpu.max')) ?? 'max').split(' ').map(Number)
        // `max` is no number, and no limit.
        if (limit! > 0 && period! > 0) quota = Math.min(quota, limit! / period!)
      }
    } else if (controllers.split(',').includes('cpu')) {
      for (const folder of ancestors(join(cgroupRoot, controllers), path.join(':'))) {
        const limit = Number(read(join(folder, 'cpu.cfs_quota_us')) ?? -1)
        const period = Number(read(join(folder, 'cpu.cfs_period_us')) ?? 0)
        if (limit > 0 && period > 0) quota = Math.min(quota, limit / period)
      }
    }
  }
  return quota
}

/** Threads for computing: cores this process may run on, within the cgroup's quota, at least one. */
export function usableThreads(quota = cgroupCpuQuota(), cores = availableParallelism()): number {
  return Math.max(1, Math.min(cores, Math.floor(quota)))
}
