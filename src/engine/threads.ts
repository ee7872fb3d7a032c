/** How many threads a process may really use: the cgroup's quota counts, not the host's cores. */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { cgroupFolders, readText } from './cgroup.js'

/** CPUs that cgroup v2 (`cpu.max`) or v1 (`cpu.cfs_quota_us`) allows; Infinity where nothing is limited. */
export function cgroupCpuQuota(cgroupRoot?: string, membership?: string): number {
  let quota = Infinity
  for (const { version, path } of cgroupFolders('cpu', cgroupRoot, membership)) {
    const [limit, period] =
      version === 2
        ? (readText(join(path, 'cpu.max')) ?? 'max').split(' ').map(Number)
        : ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => Number(readText(join(path, name)) ?? -1))
    // `max` is no number, and no limit.
    if (limit! > 0 && period! > 0) quota = Math.min(quota, limit! / period!)
  }
  return quota
}

/** Threads for computing: cores this process may run on, within the cgroup's quota, at least one. */
export function usableThreads(quota = cgroupCpuQuota(), cores = availableParallelism()): number {
  return Math.max(1, Math.min(cores, Math.floor(quota)))
}
