/** The folder that a bundle is written to: nothing of somebody else's is lost, and it is never half a bundle. */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { readdir, readFile, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { MANIFEST_FILE } from '../bundle/manifest.js'
import { ArmormError } from '../errors.js'

/**
 * Absolute path of a bundle folder, links resolved as far as it exists.
 * @throws ArmormError invalid_config when it cannot be a folder
 */
export async function outFolder(out: string): Promise<string> {
  const absolute = resolve(out)
  try {
    return await realpath(absolute)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw new ArmormError('invalid_config', `--out ${out} cannot be used (${code})`, {}, error)
    const parent = dirname(absolute)
    return parent === absolute ? absolute : join(await outFolder(parent), basename(absolute))
  }
}

/**
 * Refuses a folder that may not be written, before any work is done.
 * @returns names of the bundle that is there and would be replaced; what else lies in the folder stays
 * @throws ArmormError invalid_config
 */
export async function checkOut(out: string, checkpoint: string, replace: boolean): Promise<ReadonlySet<string>> {
  if (out === (await realpath(checkpoint).catch(() => resolve(checkpoint))))
    throw new ArmormError('invalid_config', '--out is the checkpoint itself')
  let present: string[]
  try {
    present = await readdir(out)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return new Set()
    throw new ArmormError('invalid_config', `--out ${out} is not a folder that can be read (${code})`, {}, error)
  }
  if (present.length === 0) return new Set()
  if (!replace) throw new ArmormError('invalid_config', `${out} exists and is not empty; use --replace`)
  // Only a bundle is ever removed, never whatever else a mistyped path names.
  const files = await bundleFiles(out)
  if (!files) throw new ArmormError('invalid_config', `${out} is not a bundle and is not replaced`)
  return new Set([MANIFEST_FILE, ...files])
}

/** Names that the manifest in a folder lists; null when there is no manifest of a bundle. */
async function bundleFiles(folder: string): Promise<string[] | null> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST_FILE), 'utf8')) as { files?: unknown } | null
    return manifest?.files instanceof Object ? Object.keys(manifest.files) : null
  } catch {
    return null
  }
}

/**
 * Moves a finished bundle to `out`; what somebody put beside the files of the one that was there, a model card say,
 * stays. Whatever fails, and wherever, no file but those of the replaced bundle is ever removed. Synchronous, so that a
 * signal cannot come between.
 * @param replaced names of the bundle that was there, from `checkOut`
 */
export function publish(partial: string, out: string, replaced: ReadonlySet<string>): void {
  if (!existsSync(out)) return renameSync(partial, out)
  const old = `${out}.replaced-${process.pid}`
  renameSync(out, old)
  try {
    renameSync(partial, out)
  } catch (error) {
    renameSync(old, out)
    throw error
  }
  const written = new Set(readdirSync(out))
  for (const name of readdirSync(old)) {
    if (!replaced.has(name) && !written.has(name)) renameSync(join(old, name), join(out, name))
  }
  rmSync(old, { recursive: true })
}
