/** What becomes of the client that waits for a reply. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { ArmormError } from '../errors.js'
import type { Caller } from '../scoring/scorer.js'
import type { Timeline } from '../scoring/timeline.js'
import type { Limits } from './services.js'
import { tracedRequest } from './trace.js'

const TIMEOUT_HEADER = 'x-request-timeout-ms'
const PRIORITY_HEADER = 'x-priority'
/** Not read here. */
const AFFINITY_HEADER = 'x-affinity-key'
/** A day: Node's timers hold no more than 24 of them. */
const LONGEST_TIMEOUT = 86_400_000

/** For the documents: `Client` says better what is wrong with a header. */
export const WorkHeaders = Type.Object({
  [TIMEOUT_HEADER]: Type.Optional(
    Type.String({
      description: `Milliseconds in which the request is to be answered, 1 to ${LONGEST_TIMEOUT}; then it is answered \`deadline_exceeded\`.`
    })
  ),
  [PRIORITY_HEADER]: Type.Optional(
    Type.String({
      description: '`interactive` or `bulk`: interactive work goes first, but for a fifth that bulk work always gets.'
    })
  ),
  [AFFINITY_HEADER]: Type.Optional(
    Type.String({
      description:
        'For a load balancer before several servers: requests with the same key, a digest of the prompt say, go to the same one.'
    })
  )
})

/** Calls `ended` once: when the reply was handed over whole, or its client has gone before that. */
export function whenEnded(reply: FastifyReply, ended: (answered: boolean) => void): void {
  // A client may have gone before anybody listens, while its body was unpacked.
  if (reply.raw.closed || reply.request.raw.socket.destroyed) ended(reply.raw.writableEnded)
  else reply.raw.once('close', () => ended(reply.raw.writableEnded))
}

/** Whoever waits for a reply: gone with `client_closed`, or out of time with `deadline_exceeded`. */
export class Client implements Caller {
  readonly #gone = new AbortController()
  readonly deadline: number
  readonly priority: Caller['priority']
  readonly timeline?: Timeline

  /** @throws ArmormError invalid_request for a timeout or a priority that is none */
  constructor(request: FastifyRequest, reply: FastifyReply, { requestTimeout }: Limits) {
    const { headers } = request
    const timeout = timeoutOf(headers[TIMEOUT_HEADER], requestTimeout)
    this.priority = priorityOf(headers[PRIORITY_HEADER])
    const traced = tracedRequest(request)
    if (traced) this.timeline = traced.timeline
    // The time runs from the arrival of the request, not from when its body was read.
    const left = timeout - reply.elapsedTime
    this.deadline = performance.now() + left
    const timer = timeout < Infinity ? setTimeout(() => this.#expire(timeout), Math.max(0, left)) : undefined
    whenEnded(reply, (answered) => {
      clearTimeout(timer)
      if (!answered) this.#gone.abort(new ArmormError('client_closed', 'the client went away before its reply'))
    })
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  get aborted(): boolean {
    return this.signal.aborted
  }

  get reason(): unknown {
    return this.signal.reason as unknown
  }

  ran(...heard: Parameters<Timeline['ran']>): void {
    this.timeline?.ran(...heard)
  }

  #expire(timeout: number): void {
    const message = `the request was not answered within its ${timeout} ms`
    this.#gone.abort(new ArmormError('deadline_exceeded', message, { timeout_ms: timeout }))
  }
}

/** Milliseconds; Infinity when neither header nor option gives a time. */
function timeoutOf(header: string | string[] | undefined, requestTimeout: number): number {
  if (header === undefined) return requestTimeout || Infinity
  const timeout = typeof header === 'string' && /^\d{1,8}$/.test(header) ? Number(header) : 0
  if (timeout >= 1 && timeout <= LONGEST_TIMEOUT) return timeout
  throw new ArmormError(
    'invalid_request',
    `the header ${TIMEOUT_HEADER} must be an integer from 1 to ${LONGEST_TIMEOUT}: milliseconds`,
    { header: TIMEOUT_HEADER }
  )
}

function priorityOf(header: string | string[] | undefined): Caller['priority'] {
  if (header === undefined || header === 'interactive' || header === 'bulk') return header
  throw new ArmormError('invalid_request', `the header ${PRIORITY_HEADER} must be interactive or bulk`, {
    header: PRIORITY_HEADER
  })
}
