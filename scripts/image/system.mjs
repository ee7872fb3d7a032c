/** Where an image without a package manager keeps what its system files are; scanners look there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Folder of one file a Debian package, with its entry of dpkg's status. */
export const STATUS = 'var/lib/dpkg/status.d'
export const COPYRIGHT = (name) => `usr/share/doc/${name}/copyright`

/** @returns name, version and architecture of the Debian packages in a root file system */
export function debianPackages(system) {
  const folder = join(system, STATUS)
  if (!existsSync(folder)) return []
  return readdirSync(folder).map((name) => {
    const entry = readFileSync(join(folder, name), 'utf8')
    const field = (key) => new RegExp(`^${key}: (.+)$`, 'm').exec(entry)[1]
    return { name: field('Package'), version: field('Version'), architecture: field('Architecture') }
  })
}
