/**
 * Bounds what a body costs to parse. A value costs many times its bytes: 60 MB of `[` or of `[],` hold the thread that
 * serves for half a minute, and the objects of 60 MB of `{},` take 2 GB. So they are counted first, in a pass over the
 * bytes, before anything is made of them.
 */
import { ArmormError } from '../errors.js'

export interface JsonLimits {
  /** Objects and arrays within each other. */
  readonly maxJsonDepth: number
  /** Texts (keys too), objects and arrays. Numbers are as large as their bytes. */
  readonly maxJsonValues: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
/** `[` and `{`, `]` and `}` differ in this bit alone. */
const BRACE_BIT = 0x20
const OPEN = 0x7b
const CLOSE = 0x7d

/**
 * Looks at brackets and quotes only: what is no JSON passes, and the parser says what is wrong with it.
 * @param bytes - UTF-8, in which these characters are one byte each and part of no other
 * @throws ArmormError body_too_complex
 */
export function requireModestJson(bytes: Uint8Array, { maxJsonDepth, maxJsonValues }: JsonLimits): void {
  // Each level, and each value, is a byte at least.
  if (bytes.length <= maxJsonDepth && bytes.length <= maxJsonValues) return
  let depth = 0
  let values = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte === QUOTE) {
      values++
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
    } else if ((byte | BRACE_BIT) === OPEN) {
      values++
      if (++depth > maxJsonDepth) throw tooComplex(`nests deeper than ${maxJsonDepth} levels`, maxJsonDepth, at)
    } else if ((byte | BRACE_BIT) === CLOSE) depth--
    if (values > maxJsonValues) {
      throw tooComplex(`holds more than ${maxJsonValues} texts, objects and arrays`, maxJsonValues, at)
    }
  }
}

function tooComplex(what: string, limit: number, offset: number): ArmormError {
  return new ArmormError('body_too_complex', `the body ${what}`, { limit, offset })
}
