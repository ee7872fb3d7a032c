/** The packages that the server needs when it runs, as package-lock.json lists them and as they lie there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names of the files with which a package says how it may be used. */
export const LEGAL = /^(licen[cs]e|copying|notice|third.?party)/i

/**
 * @param root - folder of package.json, package-lock.json and node_modules
 * @returns one entry a package and place: folder, name, version, licence (an SPDX expression; '' where none is stated),
 *   author ('' where none is stated)
 * @throws where a package of the list is not installed
 */
export function productionPackages(root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const places = Object.keys(packages).filter((place) => place.startsWith('node_modules/') && !packages[place].dev)
  return places.sort().map((place) => {
    const folder = join(root, place)
    const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const by = typeof author === 'string' ? author : (author?.name ?? '')
    return { folder, name, version, licence: typeof license === 'string' ? license : '', author: by }
  })
}
