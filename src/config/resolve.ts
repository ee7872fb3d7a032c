/** Where options come from, the first that has a value wins: flag, environment variable, file, default. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import { ArmormError } from '../errors.js'
import { allowedFor, flagOf, OPTION_NAMES, type OptionName, optionSchema, ServeOptions, variableOf } from './schema.js'

/** The flag and the variable that name the configuration file; it is no key of the file itself. */
export const CONFIG_OPTION = 'config'

export interface Sources {
  /** Texts of the command line, by option name. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A variable that is set but empty counts as not set: that is how compose files leave one out. */
function variable(env: Sources['env'], name: string): string | undefined {
  return env[variableOf(name)] || undefined
}

/**
 * Reads the options of `armorm serve`. Relative paths are relative to the working directory, wherever they came
 * from; only the default model is the one that lies in this package.
 * @throws ArmormError invalid_config naming the flag, variable or key, and what is allowed.
 */
export function resolveConfig({ flags, env }: Sources): ServeOptions {
  const path = flags[CONFIG_OPTION] ?? variable(env, CONFIG_OPTION)
  const file = path === undefined ? {} : readConfigFile(path)
  const resolved: Record<string, unknown> = {}
  for (const name of OPTION_NAMES) {
    const flag = flags[name]
    const fromEnv = variable(env, name)
    if (flag !== undefined) resolved[name] = checked(name, parsed(name, flag), flag, flagOf(name))
    else if (fromEnv !== undefined) resolved[name] = checked(name, parsed(name, fromEnv), fromEnv, variableOf(name))
    else if (Object.hasOwn(file, name)) resolved[name] = checked(name, file[name], file[name], `"${name}" in ${path}`)
    else resolved[name] = name === 'model' ? builtInModel() : optionSchema(name).default
  }
  return resolved as ServeOptions
}

function builtInModel(): string {
  // Compiled files lie in build/src/config, three folders below the package's root.
  return fileURLToPath(new URL(`../../../${optionSchema('model').default}`, import.meta.url))
}

const NUMBERS: Readonly<Record<string, RegExp>> = {
  integer: /^-?\d+$/,
  number: /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/
}

/** A flag's or variable's text as a value of the option's type; what is no number stays text, and is refused. */
function parsed(name: OptionName, text: string): unknown {
  const form = NUMBERS[optionSchema(name).type ?? '']
  return form?.test(text) ? Number(text) : text
}

function checked(name: OptionName, value: unknown, given: unknown, source: string): unknown {
  if (Value.Check(ServeOptions.properties[name], value)) return value
  throw new ArmormError('invalid_config', `${source} must be ${allowedFor(name)}, but is ${JSON.stringify(given)}`, {
    option: name,
    source
  })
}

function readConfigFile(path: string): Record<string, unknown> {
  let text
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ArmormError('invalid_config', `the configuration file ${path} cannot be read (${code})`, {}, error)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new ArmormError('invalid_config', `the configuration file ${path} is not valid JSON`, {}, error)
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new ArmormError('invalid_config', `the configuration file ${path} must hold one JSON object`)
  }
  for (const key of Object.keys(json)) {
    if ((OPTION_NAMES as string[]).includes(key)) continue
    const known = OPTION_NAMES.join(', ')
    throw new ArmormError('invalid_config', `${path} has the unknown key "${key}"; known are ${known}`, { key })
  }
  return json as Record<string, unknown>
}
