/** Programs that build and run images where there is no Docker: those on the PATH, else Debian's, unpacked, not installed. */
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { debianPackages, root } from '../support/suite.mjs'

const folder = join(root, '.cache', 'image', 'tools')
const PROGRAMS = ['buildah', 'mmdebstrap', 'runc']
const PACKAGES = [...PROGRAMS, 'golang-github-containers-common', 'libgpgme11', 'libseccomp2', 'patchelf']

const works = (program) => spawnSync(program, ['--version']).status === 0

/** Puts the programs on the PATH of this process. @returns why they cannot be had; null when they are there */
export function provideTools() {
  if (process.getuid() !== 0) return 'only root can mount what an image is made of'
  const namespaces = spawnSync('unshare', ['--mount', '--pid', '--net', '--ipc', '--uts', '--fork', 'true'])
  if (namespaces.status !== 0) return 'this machine gives no namespaces'
  if (PROGRAMS.every(works) && seccompProfile()) return null
  const libraries = join(folder, 'usr', 'lib', 'x86_64-linux-gnu')
  // They start themselves again from a copy in memory, with an empty environment: only an absolute path finds libraries.
  const patch = ['usr/bin/patchelf', '--force-rpath', '--set-rpath', libraries]
  const obstacle = debianPackages(folder, PACKAGES, [
    [...patch, 'usr/bin/buildah'],
    [...patch, 'usr/sbin/runc']
  ])
  if (obstacle !== null) return obstacle
  process.env.PATH += `:${join(folder, 'usr', 'bin')}:${join(folder, 'usr', 'sbin')}`
  const broken = PROGRAMS.find((program) => !works(program))
  if (broken === undefined) return null
  rmSync(folder, { recursive: true })
  return `Debian's ${broken} does not run on this machine`
}

/** The profile of system calls that containers may make by default, as Podman and CRI-O have it. */
export function seccompProfile() {
  const prefixes = ['/usr', join(folder, 'usr')]
  return prefixes.map((prefix) => join(prefix, 'share', 'containers', 'seccomp.json')).find(existsSync)
}
