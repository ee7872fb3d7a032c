/** Files of the work folder that appear whole or not at all, so that a step killed at any moment leaves none half. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ArmormError } from '../errors.js'
import { writeWhole } from '../whole-file.js'

/** Writes a value as indented JSON, whole. NaN is no JSON and would become null: do not pass it. */
export function writeJson(path: string, value: unknown): Promise<void> {
  return writeWhole(path, `${JSON.stringify(value, null, 2)}\n`)
}

/**
 * The JSON value of a file; undefined where there is no such file.
 * @throws ArmormError invalid_work when it cannot be read or is no JSON
 */
export async function readJson(path: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new ArmormError('invalid_work', `${path} cannot be read (${code})`, {}, error)
  }
  try {
    // Windows' programs begin files with U+FEFF.
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    throw new ArmormError('invalid_work', `${path} is not JSON`)
  }
}

/**
 * The JSON value of a file that a step writes.
 * @throws ArmormError invalid_work when there is no such file, or it is no JSON
 */
export async function requiredJson(path: string, step: string): Promise<unknown> {
  const value = await readJson(path)
  if (value !== undefined) return value
  throw new ArmormError('invalid_work', `${path} does not exist; armorm train ${step} writes it`)
}

/** 16 hex digits that differ when any of the values does; the order of an object's keys does not count. */
export function fingerprint(...values: unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(values.map(sorted)))
    .digest('hex')
    .slice(0, 16)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]))
}
