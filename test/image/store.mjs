/** Images in a store of this suite's own, which is gone when it ends. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../support/suite.mjs'

const folder = join(root, '.cache', 'image', 'store')
const policy = join(folder, 'policy.json')
/** No registry is asked: images come from the store alone. */
const registries = join(folder, 'registries.conf')

const places = ['--root', join(folder, 'images'), '--runroot', join(folder, 'run'), '--registries-conf', registries]

function buildah(driver, ...args) {
  const all = [...places, '--storage-driver', driver, ...args]
  const { status, stdout, stderr } = spawnSync('buildah', all, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0)
    throw new Error(`buildah ${args.slice(0, 2).join(' ')}: ${stdout.slice(-4000)}${stderr.slice(-4000)}`)
  return stdout
}

/** An empty store; what an interrupted run left goes first. */
export function openStore() {
  let driver = 'overlay'
  const run = (...args) => buildah(driver, ...args)
  const close = () => {
    run('rm', '--all')
    run('rmi', '--all', '--force')
    rmSync(folder, { recursive: true })
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}')
  writeFileSync(registries, '')
  try {
    run('info')
  } catch {
    // Copies whole layers, and runs wherever there are folders.
    driver = 'vfs'
    run('info')
  }
  run('rm', '--all')
  run('rmi', '--all', '--force')

  return {
    driver,
    close,
    /** @param args - build arguments */
    build(tag, context, file, args = {}) {
      const named = Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`])
      const options = [
        '--format=docker',
        '--layers',
        '--isolation=chroot',
        '--pull-never',
        `--signature-policy=${policy}`
      ]
      run('bud', '--quiet', ...options, ...named, '--tag', tag, '--file', file, context)
    },
    /** What the image says of how to run it. */
    configuration: (tag) => JSON.parse(run('inspect', '--type', 'image', tag)).Docker.config,
    /** @returns the image's root file system, and what takes it away again */
    mount(tag) {
      const container = run('from', '--pull-never', tag).trim()
      return { rootfs: run('mount', container).trim(), unmount: () => run('rm', container) }
    },
    /** Bytes that a pull takes: the layers, compressed. */
    compressed(tag) {
      const target = join(folder, 'pushed')
      run('push', '--quiet', `--signature-policy=${policy}`, tag, `oci:${target}:image`)
      const { stdout } = spawnSync('du', ['--summarize', '--bytes', target], { encoding: 'utf8' })
      rmSync(target, { recursive: true })
      return parseInt(stdout)
    }
  }
}
