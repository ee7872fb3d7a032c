/**
 * What a contract is: the requests and replies that one trainer's client knows, unmodified. A contract is thin. It
 * turns wire forms into conversations, and what `ContractScorer` says of them into replies; registration, checks,
 * the choice between contracts at one URL, and errors are the frame's (register.ts).
 */
import type { HTTPMethods } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { ArmormError } from '../../errors.js'
import type { Caller, Protocol } from '../../scoring/scorer.js'
import type { BodyReader } from '../json-body.js'
import type { Services } from '../services.js'
import type { ContractScorer } from './scoring.js'

/** An error in the words of a contract. */
export interface ErrorForm {
  readonly status: number
  readonly body: unknown
}

/** Statuses of errors that another try may mend: too much work, not ready, out of time. */
export type Refusal = 408 | 429 | 503 | 504

export interface Contract {
  /** Label of the metrics. */
  readonly protocol: Protocol
  /** Tag of its routes in the OpenAPI document. */
  readonly tag: { readonly name: string; readonly description: string }
  /** Schema of its error replies. */
  readonly errorSchema: TSchema
  /**
   * What its clients get for an error; docs/contracts.md says what each client does then.
   * @param status - the error's own, or what `refusals` has in its place.
   */
  readonly errorForm: (error: ArmormError, status: number) => ErrorForm
  /** Statuses in the place of those that this contract's clients take for final; all else keeps its own. */
  readonly refusals?: Readonly<Partial<Record<Refusal, number>>>
  /**
   * Seconds for which its clients wait for a reply, where a refusal may end their run: what the queue has no room for
   * waits in line. Left out: it is refused with 429, after which these clients come again.
   */
  readonly patience?: number
  readonly routes: readonly ContractRoute[]
}

/** The request that is being answered. */
export interface Call {
  readonly services: Services
  readonly scorer: ContractScorer
  /** Request id, sane: the caller's own or a new one. */
  readonly id: string
  /** Who waits for the reply, and until when. */
  readonly caller: Caller
  /** Parts of the path that the route's URL names. */
  readonly params: Readonly<Record<string, string>>
}

/** What an `answer` returns where the reply is no JSON. */
export class BytesReply {
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string>>

  constructor(bytes: Buffer, headers: Readonly<Record<string, string>>) {
    this.bytes = bytes
    this.headers = headers
  }
}

export interface ContractRoute {
  /** POST when left out. A GET shares its URL with no other method. */
  readonly method?: HTTPMethods | HTTPMethods[]
  readonly url: string
  readonly summary: string
  readonly description?: string
  readonly params?: TSchema
  /** Answered whatever state the server is in, and logged at debug only. */
  readonly probe?: boolean
  /** Answered without an API key: says no more than whether the server is up. */
  readonly open?: boolean
  /** Not in the OpenAPI document: another route's second URL. */
  readonly hidden?: boolean
  /**
   * Fields of which one tells this contract's body from those of others at the same URL. The first route of the URL
   * of which a key is present answers; when none is, the first route does.
   */
  readonly keys: readonly string[]
  /**
   * Documented form of the body; without one no body is looked at. Of a GET route, also that of the query, which is read
   * where there is no body.
   */
  readonly body?: TSchema
  /** Turns the bytes of the body into what `body` describes, where they are not simply JSON. */
  readonly readBody?: BodyReader
  /** What the body is held against, where that is less than what is documented; the route reads the rest itself. */
  readonly envelope?: TSchema
  readonly reply: TSchema
  /** @param body - matches `envelope`, else `body`. @throws ArmormError */
  readonly answer: (body: unknown, call: Call) => Promise<unknown>
  /** The reply as JSON text, where JSON.stringify will not do. */
  readonly serialize?: (reply: unknown) => string
}

/** The form of many: one text in one field. */
export const textErrorForm =
  (field: 'error' | 'detail'): Contract['errorForm'] =>
  ({ code, message }, status) => ({ status, body: { [field]: `${code}: ${message}` } })

/** An error as a contract's clients get it. */
export function wireError({ errorForm, refusals = {} }: Contract, error: ArmormError): ErrorForm {
  const own = error.status
  return errorForm(error, Object.hasOwn(refusals, own) ? (refusals[own as Refusal] ?? own) : own)
}

/** Declares a route whose `answer` takes what its schema says. */
export function contractRoute<Body extends TSchema>(
  route: Omit<ContractRoute, 'body' | 'envelope' | 'answer'> & {
    readonly body: Body
    readonly answer: (body: Static<Body>, call: Call) => Promise<unknown>
  }
): ContractRoute {
  return { ...route, answer: (body, call) => route.answer(body as Static<Body>, call) }
}
