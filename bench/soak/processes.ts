/** What the server's processes hold, from /proc and the server's own metrics. */
import { readdirSync, readFileSync } from 'node:fs'

/** What is watched, and in which unit. */
export const WATCHED = {
  'server, resident memory': 'MiB',
  'server, heap in use': 'MiB',
  'server, memory outside the heap': 'MiB',
  'server, handles and requests': '',
  'server, file descriptors': '',
  'engine, resident memory': 'MiB',
  'engine, file descriptors': ''
} as const
export type Watched = keyof typeof WATCHED

export interface Pids {
  readonly server: number
  readonly engine: number
}

const MIB = 2 ** 20

function residentMiB(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) / 1024
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** @param metrics - text of the server's /metrics @throws Error where there is no /proc */
export function look({ server, engine }: Pids, metrics: string): Record<Watched, number> {
  const metric = (name: string): number => {
    const line = metrics.split('\n').find((each) => each.startsWith(`${name} `))
    if (line === undefined) throw new Error(`the server has no metric ${name}`)
    return Number(line.slice(name.length))
  }
  return {
    'server, resident memory': residentMiB(server),
    'server, heap in use': metric('nodejs_heap_size_used_bytes') / MIB,
    'server, memory outside the heap': metric('nodejs_external_memory_bytes') / MIB,
    'server, handles and requests': metric('nodejs_active_resources_total'),
    'server, file descriptors': descriptors(server),
    'engine, resident memory': residentMiB(engine),
    'engine, file descriptors': descriptors(engine)
  }
}

/** The one child of the server. @throws Error when it has another number of them */
export function engineOf(server: number): number {
  const text = readFileSync(`/proc/${server}/task/${server}/children`, 'utf8').trim()
  const children = text.split(' ').filter((each) => each !== '')
  if (children.length !== 1) throw new Error(`the server has ${children.length} child processes, not one engine`)
  return Number(children[0])
}
