/** A Python of the bench's own with the packages of requirements.txt, made when it is first wanted. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.js'

/** Compiled, this file lies in build/bench/peers; git ignores `.venv`. */
const FOLDER = fileURLToPath(new URL('../../../bench/peers/', import.meta.url))

/**
 * @param tell told before minutes of waiting
 * @returns path of its Python
 * @throws Error in plain words where Python or the packages cannot be had
 */
export async function virtualEnvironment(tell: (line: string) => void): Promise<string> {
  const requirements = join(FOLDER, 'requirements.txt')
  const folder = join(FOLDER, '.venv')
  const python = join(folder, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']))
  const stamp = join(folder, 'armorm-requirements')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted && existsSync(python)) return python
  tell('making a virtual environment for the peers; this takes some minutes, once')
  rmSync(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder], 'a virtual environment cannot be made')
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], 'its packages cannot be installed')
  writeFileSync(stamp, wanted)
  return python
}

/** Versions of Python, torch and transformers. @throws Error when they cannot be imported */
export async function pythonVersions(python: string): Promise<(readonly [string, string])[]> {
  const program =
    'import platform, torch, transformers; print(platform.python_version(), torch.__version__, transformers.__version__)'
  const [version = '', torch = '', transformers = ''] = (
    await run(python, ['-c', program], 'torch and transformers cannot be imported')
  ).split(' ')
  return [
    ['Python', version],
    ['torch', torch],
    ['transformers', transformers]
  ]
}
