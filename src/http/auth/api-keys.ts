/** API keys: how a file of them is read, and how a request's key is found among them. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { ArmormError } from '../../errors.js'

export interface ApiKey {
  /** What logs and metrics have in the place of the key. */
  readonly name: string
  /** SHA-256 of the key, 32 bytes: all that is kept of it. */
  readonly digest: Buffer
}

/** Characters of a key at least: of random ones, 16 are out of reach of guessing. */
const SHORTEST_KEY = 16
/** What fits a header's token (RFC 6750, b64token), and 512 characters at most. */
const KEY = /^[\w.~+/-]{16,512}=*$/
const NAME = /^[\w.-]{1,64}$/

/**
 * Reads a file of keys: one a line, `name:key` or the bare key, which is then called after its line. Empty lines and
 * lines that begin with # are skipped. Several keys may share a name, so that one can take the place of another.
 * @throws ArmormError invalid_config naming the line, and never what is on it.
 */
export function parseKeys(text: string): ApiKey[] {
  const keys = new Map<string, ApiKey>()
  for (const [i, raw] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const where = `line ${i + 1} of the API keys`
    const colon = line.indexOf(':')
    const name = colon < 0 ? `line-${i + 1}` : line.slice(0, colon).trim()
    const key = line.slice(colon + 1).trim()
    if (!NAME.test(name)) {
      throw refused(`${where} has a name that is not 1 to 64 letters, digits, dots, hyphens and underscores`)
    }
    if (!KEY.test(key)) {
      throw refused(`${where} has no key of ${SHORTEST_KEY} to 512 letters, digits and - . _ ~ + / =`)
    }
    const digest = digestOf(key)
    const hex = digest.toString('hex')
    if (keys.has(hex)) throw refused(`${where} repeats the key of a line before it`)
    keys.set(hex, { name, digest })
  }
  if (keys.size === 0) throw refused('there is no key among the API keys')
  return [...keys.values()]
}

function refused(message: string): ArmormError {
  return new ArmormError('invalid_config', message, { option: 'apiKeys' })
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** The keys that are good now. */
export class KeyRing {
  #keys: readonly ApiKey[]

  constructor(keys: readonly ApiKey[]) {
    this.#keys = keys
  }

  get size(): number {
    return this.#keys.length
  }

  replace(keys: readonly ApiKey[]): void {
    this.#keys = keys
  }

  /**
   * The name of a key that a caller sent; null when it is none. The time it takes does not depend on which key it
   * comes close to: digests are compared, whole, with every key.
   */
  nameOf(given: string): string | null {
    const digest = digestOf(given)
    let name: string | null = null
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) name = key.name
    return name
  }
}
