/**
 * Keeps two processes from writing to one place: each would overwrite, or take for its own, what the other writes.
 *
 * The lock is a file that is created only where none is (`O_EXCL`), and names its holder. One whose holder has ended, by
 * `kill -9` say, is taken over. Whether a process of another machine, or another container, has ended cannot be seen; so
 * holders touch their file, and one that was not touched for long is taken over too.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { link, open, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { ArmormError } from './errors.js'

const TOUCH_MS = 60_000
/** More than any part of a step keeps the event loop busy. */
const ABANDONED_MS = 15 * 60_000
/** A holder writes its name right after it has created the file. */
const NAMED_MS = 10_000

interface Holder {
  readonly pid: number
  /** Clock ticks from the machine's start to the process's: tells a process from a later one of the same number. */
  readonly started: string | null
  /** Host and process namespace, within which the number means something. */
  readonly machine: string
  readonly since: string
}

/**
 * Takes a lock until what this returns is called, or the process exits.
 * @param path of the lock's file
 * @param what it keeps for its holder; for the message
 * @throws ArmormError work_in_use when another process has it; the system's error where the file cannot be written
 */
export async function takeLock(path: string, what: string): Promise<() => void> {
  const text = `${JSON.stringify(await ownName(), null, 2)}\n`
  while (!(await claimed(path, text))) await removeAbandoned(path, what)
  const touching = setInterval(() => {
    const now = new Date()
    utimes(path, now, now).catch(() => undefined)
  }, TOUCH_MS).unref()
  const giveBack = () => {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) rmSync(path, { force: true })
  }
  process.once('exit', giveBack)
  return () => {
    clearInterval(touching)
    process.off('exit', giveBack)
    giveBack()
  }
}

async function ownName(): Promise<Holder> {
  return {
    pid: process.pid,
    started: (await processStat(process.pid))?.started ?? null,
    machine: await machineName(),
    since: new Date().toISOString()
  }
}

async function machineName(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '')
  return `${hostname()} ${namespace}`.trim()
}

/** Creates the file; false where there is one. */
async function claimed(path: string, text: string): Promise<boolean> {
  const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return null
    throw error
  })
  if (!file) return false
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  return true
}

/** @throws ArmormError work_in_use while the file's holder has not ended */
async function removeAbandoned(path: string, what: string): Promise<void> {
  let found: string
  let age: number
  try {
    found = await readFile(path, 'utf8')
    age = Date.now() - (await stat(path)).mtimeMs
  } catch (error) {
    // It was given back meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const holder = parsed(found)
  if (await isHeld(holder, age)) {
    const who = holder ? `process ${holder.pid} on ${holder.machine} since ${holder.since}` : 'another process'
    throw new ArmormError('work_in_use', `${what} is in use by ${who}; where that has ended, remove ${path}`)
  }
  // Moved aside first: between the look and the removal another process may have taken it over, and has it then.
  const aside = `${path}.${process.pid}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== found) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
}

function parsed(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null
    return Number.isSafeInteger(holder?.pid) && holder!.pid! > 0 ? (holder as Holder) : null
  } catch {
    return null
  }
}

async function isHeld(holder: Holder | null, age: number): Promise<boolean> {
  if (!holder) return age < NAMED_MS
  if (holder.machine !== (await machineName())) return age < ABANDONED_MS
  if (!processExists(holder.pid)) return false
  const found = await processStat(holder.pid)
  // Without /proc a process of this number is taken for the holder, unless it is this one, which holds nothing yet.
  if (!found) return holder.pid !== process.pid
  return found.started === holder.started && found.state !== 'Z'
}

/** Whether a process has this number; that of a process that nobody has waited for is still taken. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** State and start of a process; undefined where the system does not tell. */
async function processStat(pid: number): Promise<{ state: string; started: string } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The program's name, the second field, may hold spaces and parentheses; fields 3 and 22 count from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0]!, started: fields[19]! }
}
