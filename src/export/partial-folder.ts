/**
 * Where a bundle or a checkpoint is put together: in a folder beside the one that it is for, so that moving it there is
 * one rename. What a killed process left of one, as large as the model, goes when the next begins.
 */
import { mkdir, readdir, readFile, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { processExists } from '../lock-file.js'

const OWNER_FILE = 'owner.json'

/** The folder that this process has for `out`; whatever ends the process may remove it with all that is in it. */
export const partialFolder = (out: string): string => `${out}.partial-${process.pid}`

/**
 * Makes `partialFolder(out)` anew, and removes those of processes that have ended.
 * @returns the empty folder in it that is to be filled, and moved to `out`
 * @throws the system's error where the folder cannot be made
 */
export async function makePartial(out: string): Promise<string> {
  const partial = partialFolder(out)
  const owner = await ownName()
  await mkdir(dirname(out), { recursive: true })
  // What a killed process of the same id left: in a container every process is number 1.
  await rm(partial, { recursive: true, force: true })
  for await (const folder of abandoned(out, owner)) {
    // Under a name that is this process's alone, as the other's number may be given to a new process any moment. What
    // cannot be moved another one removes just now.
    await rename(folder, partial).catch(() => undefined)
    await rm(partial, { recursive: true, force: true })
  }
  const contents = join(partial, 'contents')
  await mkdir(contents, { recursive: true })
  if (owner !== null) await writeFile(join(partial, OWNER_FILE), owner)
  return contents
}

/**
 * Partial folders for `out` whose process has ended for certain: it had its number here, and nobody has it now. One after
 * another: that nobody has it is known for the moment in which it is asked.
 */
async function* abandoned(out: string, owner: string | null): AsyncGenerator<string> {
  if (owner === null) return
  const prefix = `${basename(out)}.partial-`
  // A folder may be written to that may not be listed.
  for (const name of await readdir(dirname(out)).catch(() => [])) {
    const pid = name.startsWith(prefix) ? name.slice(prefix.length) : ''
    const folder = join(dirname(out), name)
    if (/^[1-9]\d*$/.test(pid) && (await isOf(folder, owner)) && !processExists(Number(pid))) yield folder
  }
}

/** Whether a folder was made where this process runs, and by its user, as another's might be moved but not removed. */
async function isOf(folder: string, owner: string): Promise<boolean> {
  try {
    return (
      (await stat(folder)).uid === process.getuid?.() && (await readFile(join(folder, OWNER_FILE), 'utf8')) === owner
    )
  } catch {
    return false
  }
}

/**
 * Where a process's number means something: a host, until it starts again, and a process namespace there. Null where the
 * system does not tell.
 */
async function ownName(): Promise<string | null> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
    return `${JSON.stringify({ host: hostname(), boot, processes: await readlink('/proc/self/ns/pid') })}\n`
  } catch {
    return null
  }
}
