/** Where the limits of this process's control groups are. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const CGROUP_ROOT = '/sys/fs/cgroup'
export const CGROUP_MEMBERSHIP = '/proc/self/cgroup'

/** A file's text without white space around it; null where it cannot be read. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return null
  }
}

export interface CgroupFolder {
  readonly version: 1 | 2
  readonly path: string
}

/**
 * Folders of the process's own groups up to the root, own first: a limit anywhere on the way holds.
 * @param controller - `cpu` or `memory`: version 1 has a hierarchy for each
 */
export function cgroupFolders(
  controller: string,
  root = CGROUP_ROOT,
  membership = CGROUP_MEMBERSHIP
): readonly CgroupFolder[] {
  return (readText(membership) ?? '0::/').split('\n').flatMap((line): CgroupFolder[] => {
    // A path may hold colons itself.
    const [, controllers = '', ...path] = line.split(':')
    if (controllers === '') return ancestors(root, path.join(':')).map((folder) => ({ version: 2, path: folder }))
    if (!controllers.split(',').includes(controller)) return []
    return ancestors(join(root, controllers), path.join(':')).map((folder) => ({ version: 1, path: folder }))
  })
}

function ancestors(root: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..')
  return Array.from({ length: parts.length + 1 }, (_, depth) => join(root, ...parts.slice(0, parts.length - depth)))
}
