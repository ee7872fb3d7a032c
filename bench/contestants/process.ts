/** Processes that the bench starts: a free port, readiness, the end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { Agent, type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const READY_WITHIN_MS = 120_000
const END_WITHIN_MS = 15_000

/** A port of the loopback that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port of the loopback is to be had')
  return address.port
}

/** The environment without options that whoever runs the bench may have set for servers of their own. */
function environment(variables: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ARMORM_')))
  return { ...own, ...variables }
}

export interface HttpProcess {
  readonly origin: string
  readonly child: ChildProcess
}

/**
 * Starts a Node program that serves HTTP on `--port`, and waits until `ready` answers 200.
 * @throws Error with the program's own last words when it ends before that
 */
export async function startHttp(
  program: string,
  args: readonly string[],
  ready: string,
  variables: Readonly<Record<string, string>> = {}
): Promise<HttpProcess> {
  const port = await freePort()
  const child = spawn(process.execPath, [program, ...args, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment(variables)
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-2000)))
  const origin = `http://127.0.0.1:${port}`
  const deadline = performance.now() + READY_WITHIN_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended: ${words.trim()}`)
    const answer = await fetch(origin + ready).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.status === 200) return { origin, child }
    await delay(50)
  }
  await end(child)
  throw new Error(`not ready after ${READY_WITHIN_MS / 1000} s`)
}

/** Connections stay open, as a trainer's do. Node's own client: `fetch` takes a millisecond more for every request. */
const agent = new Agent({ keepAlive: true })

export async function postJson(url: string, body: unknown): Promise<{ status: number; body: string }> {
  const text = Buffer.from(JSON.stringify(body))
  const headers = { 'content-type': 'application/json', 'content-length': text.length }
  const sent = request(url, { method: 'POST', agent, headers }).end(text)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of reply as AsyncIterable<Buffer>) chunks.push(chunk)
  return { status: reply.statusCode!, body: Buffer.concat(chunks).toString() }
}

/** Asks a process to stop, and ends it when it does not. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS)
  await ended
  clearTimeout(late)
}

/** Ticks of processor time in a second, as Linux counts them on every platform that Node runs on. */
const TICKS = 100

/** Processor seconds that a process, its threads and its descendants have used; null where there is no /proc. */
export function cpuSecondsOf(root: number): number | null {
  const parents = new Map<number, number>()
  const seconds = new Map<number, number>()
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      const fields = statFields(name)
      if (fields === null) continue
      parents.set(Number(name), Number(fields[1]))
      seconds.set(Number(name), (Number(fields[11]) + Number(fields[12])) / TICKS)
    }
  } catch {
    return null
  }
  const belongs = (pid: number): boolean => pid === root || (parents.has(pid) && belongs(parents.get(pid)!))
  return [...seconds].reduce((sum, [pid, used]) => sum + (belongs(pid) ? used : 0), 0)
}

/** Fields of /proc/<pid>/stat after the program's name, which may hold spaces; null for a process that has gone. */
function statFields(pid: string): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}

/** Runs something that keeps a process busy. @returns wall and processor seconds, and what it gave */
export async function timed<T>(
  child: ChildProcess,
  work: () => Promise<T>
): Promise<{ seconds: number; cpuSeconds: number | null; value: T }> {
  const before = cpuSecondsOf(child.pid!)
  const started = performance.now()
  const value = await work()
  const seconds = (performance.now() - started) / 1000
  const after = cpuSecondsOf(child.pid!)
  return { seconds, cpuSeconds: before === null || after === null ? null : after - before, value }
}
