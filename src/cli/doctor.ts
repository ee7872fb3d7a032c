/** `armorm doctor`: what this machine has, what a bundle needs of it, and what will be slow or fail. */
import { Command } from 'commander'
import { resolveConfig } from '../config/resolve.js'
import type { ServeOptions } from '../config/schema.js'
import { bundleChecks, type BundleFacts, type Check, machineChecks, type Measured } from '../doctor/checks.js'
import type { MachineFacts } from '../doctor/facts.js'
import { measureEngine } from '../doctor/measure.js'
import { readMachine } from '../doctor/read-machine.js'
import { ArmormError } from '../errors.js'
import { openBundle, tokenizerThreads } from './loaded-model.js'

interface Flags {
  readonly model?: string
  readonly provider?: string
  readonly config?: string
  readonly json?: boolean
  /** False with `--no-load`. */
  readonly load: boolean
}

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('what this machine has, what a bundle needs, and what will be slow or fail')
    .option('--model <folder>', 'bundle to look at (default: as of armorm serve)')
    .option('--provider <name>', 'execution provider (default: as of armorm serve)')
    .option('--config <file>', 'JSON file with options of armorm serve')
    .option('--no-load', 'do not start the engine: memory is estimated, speed is not known')
    .option('--json', 'as JSON')
    .action(async ({ model, provider, config, json, load }: Flags) => {
      const options = resolveConfig({ flags: { model, provider, config }, env: process.env })
      const checks = await examine(readMachine(), options, load)
      console.log(json ? JSON.stringify({ checks }, null, 2) : checks.map(line).join('\n'))
      if (checks.some(({ status }) => status === 'fail')) process.exitCode = 1
    })
}

/** The machine first; then the bundle, which is loaded only where nothing speaks against it. */
async function examine(facts: MachineFacts, options: ServeOptions, load: boolean): Promise<Check[]> {
  const checks = machineChecks(facts)
  try {
    const opened = await openBundle(options)
    const { name, revision } = opened.manifest.model
    checks.push({
      name: 'bundle',
      status: 'ok',
      found: `${name}, revision ${revision}: the files have their checksums, and the options suit it`
    })
    const bundle: BundleFacts = {
      manifest: opened.manifest,
      provider: options.provider,
      tokenizerThreads: tokenizerThreads(options)
    }
    const foreseen = bundleChecks(facts, bundle, null)
    const sound = [...checks, ...foreseen].every(({ status }) => status !== 'fail')
    if (!load || !sound) return [...checks, ...foreseen]
    return [...checks, ...(await loaded(facts, bundle, () => measureEngine(opened, options)))]
  } catch (error) {
    return [...checks, failed('bundle', error)]
  }
}

/** The checks of a bundle whose engine was started. */
async function loaded(
  facts: MachineFacts,
  bundle: BundleFacts,
  measure: () => Promise<Measured | null>
): Promise<Check[]> {
  try {
    const measured = await measure()
    const done: Check = {
      name: 'self-test',
      status: 'ok',
      found: 'the engine gives the rewards that the bundle states'
    }
    return [...bundleChecks(facts, bundle, measured), done]
  } catch (error) {
    return [...bundleChecks(facts, bundle, null), failed('self-test', error)]
  }
}

/** @throws whatever is no error of the table: a defect of this program */
function failed(name: string, error: unknown): Check {
  if (!(error instanceof ArmormError)) throw error
  return { name, status: 'fail', found: `${error.code}: ${error.message}`, advice: `docs/errors.md, ${error.code}` }
}

function line({ name, status, found, advice }: Check): string {
  return `${status.padEnd(4)}  ${name}: ${found}${advice === undefined ? '' : `\n      ${advice}`}`
}
