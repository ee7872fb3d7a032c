/** The image that stands in for the official one of Node, which no package index has. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rootCertificates } from 'node:tls'
import { provide, root } from '../support/suite.mjs'

const here = dirname(fileURLToPath(import.meta.url))
/** Context of Dockerfile.base; its node_modules has what else the suite needs of npm. */
export const CONTEXT = join(root, '.cache', 'image', 'base')

/** As the slim images of Debian are made: no documents, but copyrights. */
const SLIM = ['doc', 'man', 'info', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
SLIM.push('--dpkgopt=path-include=/usr/share/doc/*/copyright')

/** @returns why the context cannot be had; null when it is there */
export function provideBase() {
  const list = join(here, 'packages.json')
  const obstacle = provide(
    CONTEXT,
    [list, fileURLToPath(import.meta.url)],
    [
      ['cp', list, 'package.json'],
      ['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund'],
      ['mmdebstrap', '--variant=minbase', '--dpkgopt=force-unsafe-io', ...SLIM, 'bookworm', 'debian.tar']
    ]
  )
  if (obstacle !== null) return obstacle
  copyFileSync(join(here, 'Dockerfile.base'), join(CONTEXT, 'Dockerfile'))
  const { stdout } = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8', cwd: root })
  writeFileSync(join(CONTEXT, 'npmrc'), `registry=${stdout.trim()}\n`)
  const own = process.env.NODE_EXTRA_CA_CERTS
  if (own) copyFileSync(own, join(CONTEXT, 'certificates.pem'))
  else writeFileSync(join(CONTEXT, 'certificates.pem'), rootCertificates.join('\n'))
  return null
}
