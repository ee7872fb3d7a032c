/** Keeps two runs out of one work folder. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmormError } from '../errors.js'
import { takeLock } from '../lock-file.js'

export const LOCK_FILE = 'lock.json'

/**
 * Runs something that writes to a work folder, alone.
 * @param create whether the folder is made where there is none
 * @throws ArmormError work_in_use when another process has the folder; invalid_work when there is none, or it cannot be
 *   written; whatever `run` throws
 */
export async function withWorkLock<T>(work: string, create: boolean, run: () => Promise<T>): Promise<T> {
  const release = await locked(work, create)
  try {
    return await run()
  } finally {
    release()
  }
}

async function locked(work: string, create: boolean): Promise<() => void> {
  try {
    if (create) await mkdir(work, { recursive: true })
    return await takeLock(join(work, LOCK_FILE), work)
  } catch (error) {
    if (error instanceof ArmormError) throw error
    const { code } = error as NodeJS.ErrnoException
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be used as work folder (${code})`
    throw new ArmormError('invalid_work', `${work} ${what}`, {}, error)
  }
}
