/** A container of an image, as `docker run --read-only --cap-drop ALL --memory 4g` would have it; runc is Docker's runtime. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seccompProfile } from './tools.mjs'

/** ARMORM_MEMORY of docker/compose.yaml. */
const MEMORY = 4 * 2 ** 30
const NOTHING = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] }
const MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
  { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'size=65536k'] },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] }
]

/** The profile in the runtime's form: what an x86-64 process without capabilities may do. */
function seccomp() {
  const { defaultAction, defaultErrnoRet, syscalls } = JSON.parse(readFileSync(seccompProfile(), 'utf8'))
  const applies = ({ includes = {}, excludes = {} }) =>
    !includes.caps?.length &&
    (!includes.arches?.length || includes.arches.includes('amd64')) &&
    !excludes.arches?.includes('amd64')
  return {
    defaultAction,
    defaultErrnoRet,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: syscalls.filter(applies).map(({ names, action, args, errnoRet }) => ({
      names,
      action,
      ...(args?.length ? { args } : {}),
      ...(errnoRet === undefined ? {} : { errnoRet })
    }))
  }
}

/**
 * Starts what the image says should run. It has no network but a loopback interface of its own, and no place to write.
 * @param rootfs - folder of the image's root file system
 * @param configuration - of the image: user, program, environment, folder
 * @param env - more variables, as NAME=value
 */
export function startContainer(rootfs, configuration, env = []) {
  const bundle = mkdtempSync(join(tmpdir(), 'armorm-container-'))
  const id = bundle.split('/').at(-1)
  const [uid, gid] = configuration.User.split(':').map(Number)
  const specification = {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [...configuration.Entrypoint, ...configuration.Cmd],
      env: [...configuration.Env, ...env],
      cwd: configuration.WorkingDir,
      capabilities: NOTHING,
      noNewPrivileges: true
    },
    root: { path: rootfs, readonly: true },
    hostname: 'armorm',
    mounts: MOUNTS,
    linux: {
      cgroupsPath: id,
      resources: { memory: { limit: MEMORY, swap: MEMORY } },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/scsi', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
      seccomp: seccomp()
    }
  }
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specification))
  const runc = ['--root', join(bundle, 'state')]
  const child = spawn('runc', [...runc, 'run', '--bundle', bundle, id], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (log += data))
  const ended = new Promise((resolve) => child.once('close', (code) => resolve({ code, log })))

  return {
    /** Code and log of its program, once that has ended. */
    ended,
    running: () => child.exitCode === null && child.signalCode === null,
    /** Runs a program inside, with the container's user and environment; a health check is run in this way. */
    execute(...command) {
      return spawnSync('runc', [...runc, 'exec', id, ...command], { encoding: 'utf8', maxBuffer: 2 ** 24 })
    },
    signal: (name) => spawnSync('runc', [...runc, 'kill', id, name]),
    async remove() {
      if (child.exitCode === null) spawnSync('runc', [...runc, 'kill', id, 'KILL'])
      await ended
      rmSync(bundle, { recursive: true })
    }
  }
}
