/** A Python of the bench's own with the packages of requirements.txt, made when it is first wanted. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Compiled, this file lies in build/bench/peers; git ignores `.venv`. */
const FOLDER = fileURLToPath(new URL('../../../bench/peers/', import.meta.url))
const LAST_WORDS = 300

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
  tell('making a virtual environment for PyTorch; this takes some minutes, once')
  rmSync(folder, { recursive: true, force: true })
  await run('python3', ['-m', 'venv', folder], 'a virtual environment cannot be made')
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], 'its packages cannot be installed')
  writeFileSync(stamp, wanted)
  return python
}

/** Versions of torch and transformers. @throws Error when they cannot be imported */
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

function run(command: string, args: readonly string[], complaint: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let [output, words] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS)))
    child.once('error', ({ message }) => reject(new Error(`${complaint}: ${message}`)))
    child.once('close', (code) => {
      if (code === 0) resolve(output.trim())
      else reject(new Error(`${complaint}: ${words.trim().split('\n').at(-1) ?? ''}`))
    })
  })
}
