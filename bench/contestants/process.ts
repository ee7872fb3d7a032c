/** Processes that the bench starts: a free port, readiness, the end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
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
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ARMORM_')))
}

export interface HttpProcess {
  readonly origin: string
  readonly child: ChildProcess
}

/**
 * Starts a Node program that serves HTTP on `--port`, and waits until `ready` answers 200.
 * @throws Error with the program's own last words when it ends before that
 */
export async function startHttp(program: string, args: readonly string[], ready: string): Promise<HttpProcess> {
  const port = await freePort()
  const child = spawn(process.execPath, [program, ...args, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment()
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

/** Asks a process to stop, and ends it when it does not. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS)
  await ended
  clearTimeout(late)
}
