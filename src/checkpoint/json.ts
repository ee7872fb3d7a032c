/** Typed access to the keys of a checkpoint's JSON: every refusal names the key and the value. */
import { ArmormError } from '../errors.js'

export function refuse(message: string): never {
  throw new ArmormError('unsupported_checkpoint', `config.json: ${message}`)
}

/** A JSON object whose keys are read with a check; a key that is null counts as absent, as it does upstream. */
export class JsonObject {
  readonly #values: Readonly<Record<string, unknown>>
  readonly #path: string

  /** @param path of the object within config.json, e.g. `rope_scaling`; empty for the whole file */
  constructor(value: unknown, path = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      refuse(path ? `${path} must be an object` : 'not a JSON object')
    }
    this.#values = value as Record<string, unknown>
    this.#path = path
  }

  /** The key as messages name it. */
  label(key: string): string {
    return this.#path ? `${this.#path}.${key}` : key
  }

  get(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? (this.#values[key] ?? undefined) : undefined
  }

  /** A nested object, if there is one. */
  object(key: string): JsonObject | undefined {
    const value = this.get(key)
    return value === undefined ? undefined : new JsonObject(value, this.label(key))
  }

  /** A whole number >= `min`; required where there is no fallback. */
  integer(key: string, min: number, fallback?: number): number {
    const value = this.#required(key, fallback)
    if (!Number.isSafeInteger(value) || (value as number) < min) {
      refuse(`${this.label(key)} must be a whole number of at least ${min}, not ${JSON.stringify(value)}`)
    }
    return value as number
  }

  /** A finite number > 0; required where there is no fallback. */
  positive(key: string, fallback?: number): number {
    const value = this.#required(key, fallback)
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      refuse(`${this.label(key)} must be a number above 0, not ${JSON.stringify(value)}`)
    }
    return value
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback
    if (typeof value !== 'boolean') refuse(`${this.label(key)} must be true or false, not ${JSON.stringify(value)}`)
    return value
  }

  string(key: string): string | undefined {
    const value = this.get(key)
    if (value !== undefined && typeof value !== 'string') {
      refuse(`${this.label(key)} must be a string, not ${JSON.stringify(value)}`)
    }
    return value
  }

  array(key: string): readonly unknown[] | undefined {
    const value = this.get(key)
    if (value !== undefined && !Array.isArray(value)) refuse(`${this.label(key)} must be an array`)
    return value
  }

  #required(key: string, fallback: number | undefined): unknown {
    const value = this.get(key) ?? fallback
    if (value === undefined) refuse(`${this.label(key)} is missing`)
    return value
  }
}
