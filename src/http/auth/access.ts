/** Who may ask what. */
import type { Socket } from 'node:net'
import type { KeyRing } from './api-keys.js'

export interface Access {
  /** Keys of which each request needs one; null: none is asked for. */
  readonly keys: KeyRing | null
  /** Connections of the listener that operators have to themselves; null: there is no such listener. */
  readonly operators: Pick<WeakSet<Socket>, 'has'> | null
  /** Whether only this machine reaches the listener that everybody has. */
  readonly loopback: boolean
}

/** Whether an address to listen on is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)
}
