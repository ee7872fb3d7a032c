/** A process in the middle of an export, as one that is killed leaves its folder. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import type { Test } from 'tap'

const MODULE = new URL('../../src/export/partial-folder.js', import.meta.url).href
const PROGRAM = `
  import { writeFileSync } from 'node:fs'
  import { makePartial, partialFolder } from ${JSON.stringify(MODULE)}
  const out = process.argv[1]
  writeFileSync(await makePartial(out) + '/weights', 'many')
  console.log(partialFolder(out))
  setInterval(() => {}, 1000)`

/** Without /proc nothing says for certain that a process has ended. */
export const NO_PROC = !existsSync('/proc/sys/kernel/random/boot_id') && 'needs /proc to know that a process has ended'

export interface PartialProcess {
  /** The folder that it has. */
  readonly folder: string
  /** SIGKILL: nothing is tidied up. */
  readonly kill: () => Promise<void>
}

/** Starts a process that makes its partial folder for `out`, puts a file there, and goes no further. */
export async function partialProcess(t: Test, out: string): Promise<PartialProcess> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, out], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const closed = once(child, 'close')
  const kill = async () => {
    child.kill('SIGKILL')
    await closed
  }
  t.teardown(kill)
  const [folder] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return { folder: folder.trim(), kill }
}
