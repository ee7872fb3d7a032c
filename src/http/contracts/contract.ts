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

export interface Contract {
  /** Label of the metrics. */
  readonly protocol: Protocol
  /** Tag of its routes in the OpenAPI document. */
  readonly tag: { readonly name: string; readonly description: string }
  /** Schema of its error replies. */
  readonly errorSchema: TSchema
  /** What its clients get for an error; docs/contracts.md says what each client does then. */
  readonly errorForm: (error: ArmormError) => ErrorForm
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
  readonly method?: HTTPMethods | HTTPMethods[]
  readonly url: string
  readonly summary: string
  readonly description?: string
  readonly params?: TSchema
  /** Answered whatever state the server is in, and logged at debug only. */
  readonly probe?: boolean
  /** Not in the OpenAPI document: another route's second URL. */
  readonly hidden?: boolean
  /**
   * Fields of which one tells this contract's body from those of others at the same URL. The first route of the URL
   * of which a key is present answers; when none is, the first route does.
   */
  readonly keys: readonly string[]
  /** Documented form of the body; without one no body is looked at. */
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

/** Declares a route whose `answer` takes what its schema says. */
export function contractRoute<Body extends TSchema>(
  route: Omit<ContractRoute, 'body' | 'envelope' | 'answer'> & {
    readonly body: Body
    readonly answer: (body: Static<Body>, call: Call) => Promise<unknown>
  }
): ContractRoute {
  return { ...route, answer: (body, call) => route.answer(body as Static<Body>, call) }
}
