/** Who may ask what. */
import { isIPv4, isIPv6, type Socket } from 'node:net'
import type { KeyRing } from './api-keys.js'

export interface Access {
  /** Keys of which each request needs one; null: none is asked for. */
  readonly keys: KeyRing | null
  /** Connections of the listener that operators have to themselves; null: there is no such listener. */
  readonly operators: Pick<WeakSet<Socket>, 'has'> | null
  /** Whether only this machine reaches the listener that has the routes under /admin. */
  readonly loopback: boolean
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}

/**
 * Whether a `Host` is an address or localhost. Of any other name its owner decides where it leads: a web page's own may
 * lead here (DNS rebinding), and its requests then look like those of a program on this machine.
 */
export function isAddressHost(host: string): boolean {
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(host) ?? []
  if (bracketed !== undefined) return isIPv6(bracketed)
  return isIPv4(plain) || /^(?:[^.]+\.)*localhost\.?$/i.test(plain)
}
