/** llama.cpp for the bench: a package with prebuilt programs in a folder that git ignores, and GGUF files. */
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './run.js'

/** node-llama-cpp comes in 14 builds of 700 MB together; only this machine's is wanted, the one without a GPU. */
const VERSION = '3.22.1'
const BUILDS: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64'
}
const MAKE_GGUF = fileURLToPath(new URL('../../../bench/peers/make_gguf.py', import.meta.url))

export interface LlamaCppFiles {
  /** Entry of node-llama-cpp. */
  readonly module: string
  /** GGUF files by precision. */
  readonly models: Readonly<Record<string, string>>
  readonly version: string
}

/** @throws Error in plain words where the package or the files cannot be had */
export async function prepareLlamaCpp(
  python: string,
  checkpoint: string,
  scratch: string,
  precisions: readonly string[],
  tell: (line: string) => void
): Promise<LlamaCppFiles> {
  const module = await install(join(scratch, 'node-llama-cpp'), tell)
  tell('making GGUF files for llama.cpp')
  const models: Record<string, string> = {}
  for (const precision of precisions) {
    const file = join(scratch, `backbone-${precision}.gguf`)
    await run(python, [MAKE_GGUF, checkpoint, precision, file], 'no GGUF file can be made')
    models[precision] = file
  }
  return { module, models, version: VERSION }
}

async function install(folder: string, tell: (line: string) => void): Promise<string> {
  const platform = `${process.platform}-${process.arch}`
  const build = BUILDS[platform]
  if (build === undefined) throw new Error(`node-llama-cpp has no build without a GPU for ${platform}`)
  const packages = join(folder, 'node_modules')
  const module = join(packages, 'node-llama-cpp', 'dist', 'index.js')
  const wanted = { 'node-llama-cpp': VERSION, [`@node-llama-cpp/${build}`]: VERSION }
  if (existsSync(module) && (await isInstalled(packages, wanted))) return module
  tell('installing node-llama-cpp for the bench; this takes a minute, once')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: wanted }))
  const quiet = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error']
  await run('npm', ['install', '--prefix', folder, ...quiet], 'node-llama-cpp cannot be installed', folder)
  return module
}

async function isInstalled(packages: string, wanted: Readonly<Record<string, string>>): Promise<boolean> {
  for (const [name, version] of Object.entries(wanted)) {
    const text = await readFile(join(packages, name, 'package.json'), 'utf8').catch(() => '{}')
    if ((JSON.parse(text) as { version?: string }).version !== version) return false
  }
  return true
}
