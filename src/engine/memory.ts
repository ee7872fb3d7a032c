/** How much memory a process may still take: the cgroup's limit counts, not the host's memory alone. */
import { join } from 'node:path'
import { cgroupFolders, readText } from './cgroup.js'

export interface MemoryRoom {
  /** Bytes of the machine, or of the tightest cgroup limit. */
  readonly total: number
  /** Bytes of it that can still be had: caches of files count as free. */
  readonly available: number
  /** Whether a cgroup sets `total`. */
  readonly limited: boolean
}

export interface MemorySources {
  readonly meminfo?: string
  readonly cgroupRoot?: string
  readonly membership?: string
}

/** Null where the machine does not say (no /proc). */
export function memoryRoom({
  meminfo = '/proc/meminfo',
  cgroupRoot,
  membership
}: MemorySources = {}): MemoryRoom | null {
  const text = readText(meminfo)
  if (text === null) return null
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? NaN)
  const machine = 1024 * kilobytes('MemTotal')
  let room: MemoryRoom = {
    total: machine,
    available: 1024 * kilobytes('MemAvailable'),
    limited: false
  }
  if (!Number.isFinite(room.total + room.available)) return null
  for (const { version, path } of cgroupFolders('memory', cgroupRoot, membership)) {
    const [limitFile, usedFile, cacheKey] =
      version === 2
        ? ['memory.max', 'memory.current', 'inactive_file']
        : ['memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file']
    // `max` is no number, and no limit; version 1 writes a number larger than any machine.
    const limit = Number(readText(join(path, limitFile)) ?? NaN)
    if (!(limit < machine)) continue
    const stat = readText(join(path, 'memory.stat')) ?? ''
    const cache = Number(new RegExp(`^${cacheKey} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0)
    const used = Math.max(0, Number(readText(join(path, usedFile)) ?? 0) - cache)
    const available = Math.max(0, Math.min(room.available, limit - used))
    room = { total: Math.min(room.total, limit), available, limited: true }
  }
  return room
}
