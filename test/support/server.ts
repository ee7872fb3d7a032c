/** The real `armorm serve` as a process of its own, and its end. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Test } from 'tap'
import { ARMORM } from './paths.js'

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

type Armorm = ChildProcessByStdio<null, Readable, Readable>

/**
 * The environment without options that whoever runs the tests may have set for servers of their own, and without the
 * loaders of the test runner: the server is to run as it does for its users.
 */
function environment(): NodeJS.ProcessEnv {
  const foreign = (name: string) => name.startsWith('ARMORM_') || name === 'NODE_OPTIONS'
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign(name)))
}

/** Starts `armorm` with these arguments, and Node with its own; ends with the test, whatever happens. */
export function startArmorm(
  t: Test,
  args: readonly string[],
  nodeArgs: readonly string[] = []
): { child: Armorm; exit: Promise<Exit> } {
  const child = spawn(process.execPath, [...nodeArgs, ARMORM, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment()
  })
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
  }
  // 'close' comes when the engine, which shares the output, has ended too.
  const exit = new Promise<Exit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...output }))
  })
  t.teardown(() => {
    child.kill('SIGKILL')
    return exit
  })
  return { child, exit }
}

/** Runs `armorm` until it ends by itself. */
export async function runArmorm(t: Test, args: readonly string[]): Promise<Exit> {
  return startArmorm(t, args).exit
}

export interface Server {
  /** `http://127.0.0.1:<port>`, as the log tells it. */
  readonly origin: string
  readonly pid: number
  /** Settles when the server and its engine have ended. */
  readonly exit: Promise<Exit>
  readonly get: (path: string) => Promise<Reply>
  readonly post: (path: string, body: unknown) => Promise<Reply>
  /** The value of a metric's line that begins so; 0 when there is none. */
  readonly metric: (line: string) => Promise<number>
}

export interface Reply {
  readonly status: number
  readonly text: string
  /** The body as JSON. */
  readonly json: <T>() => T
}

async function reply(response: Promise<Response>): Promise<Reply> {
  const { status } = await response
  const text = await (await response).text()
  return { status, text, json: <T>() => JSON.parse(text) as T }
}

/** Starts `armorm serve --port 0` with more arguments, and waits until it listens. */
export async function startServer(t: Test, args: readonly string[], nodeArgs: readonly string[] = []): Promise<Server> {
  const { child, exit } = startArmorm(t, ['serve', '--port', '0', ...args], nodeArgs)
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      const found = /listening at (http:\/\/[^"]+)/.exec(line)
      if (found) return found[1]!
    }
    const { code, stderr } = await exit
    throw new Error(`armorm serve ended with code ${code}: ${stderr}`)
  })()
  const origin = await listening
  const get = (path: string) => reply(fetch(origin + path))
  const post = (path: string, body: unknown) =>
    reply(
      fetch(origin + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body)
      })
    )
  const metric = async (line: string) => {
    const lines = (await get('/metrics')).text.split('\n')
    return Number(lines.find((each) => each.startsWith(`${line} `))?.slice(line.length) ?? 0)
  }
  return { origin, pid: child.pid!, exit, get, post, metric }
}

/** Process ids of a process's children. Needs /proc. */
export function childrenOf(pid: number): number[] {
  const parentOf = (child: string): number => {
    try {
      // The second field, the program's name, may hold spaces and parentheses; the parent is the second after it.
      const stat = readFileSync(`/proc/${child}/stat`, 'utf8')
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    } catch {
      return NaN
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
}
