/** A collector of traces on the loopback: OTLP over HTTP, in JSON, as the exporter sends it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Value = { readonly stringValue: string } | { readonly intValue: number } | { readonly boolValue: boolean }
type KeyValues = readonly { readonly key: string; readonly value: Value }[]

interface RawSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly startTimeUnixNano: string
  readonly endTimeUnixNano: string
  readonly attributes: KeyValues
  readonly events?: readonly { readonly name: string; readonly attributes: KeyValues }[]
  readonly status: { readonly code: number }
}

interface RawExport {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: KeyValues }
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[]
  }[]
}

type Attributes = Readonly<Record<string, unknown>>

export interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  readonly name: string
  /** 1: internal, 2: of a server. */
  readonly kind: number
  /** Nanoseconds since 1970. */
  readonly from: bigint
  readonly to: bigint
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly attributes: Attributes }[]
  /** 0: nothing said, 2: error. */
  readonly status: number
  /** Of the process that sent it. */
  readonly resource: Attributes
}

const attributesOf = (pairs: KeyValues): Attributes =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]))

function spansOf(text: string): Span[] {
  const { resourceSpans } = JSON.parse(text) as RawExport
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans
      .flatMap(({ spans }) => spans)
      .map(({ traceId, spanId, parentSpanId, name, kind, startTimeUnixNano, endTimeUnixNano, ...rest }) => ({
        traceId,
        spanId,
        parentSpanId,
        name,
        kind,
        from: BigInt(startTimeUnixNano),
        to: BigInt(endTimeUnixNano),
        attributes: attributesOf(rest.attributes),
        events: (rest.events ?? []).map((event) => ({ ...event, attributes: attributesOf(event.attributes) })),
        status: rest.status.code,
        resource: attributesOf(resource.attributes)
      }))
  )
}

export interface Collector {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string
  /** Requests that it got: their heads and bodies. */
  readonly received: { readonly url: string; readonly headers: IncomingMessage['headers']; readonly body: string }[]
  readonly spans: () => Span[]
  /** Cuts its connections, and takes no more. */
  readonly close: () => void
}

type Answer = (response: ServerResponse) => void

const thanks: Answer = (response) => void response.setHeader('content-type', 'application/json').end('{}')

/** Starts a collector that ends with the test. @param answer - what it answers each export */
export async function startCollector(t: Test, answer: Answer = thanks): Promise<Collector> {
  const received: Collector['received'] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ url: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() })
      answer(response)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  t.teardown(close)
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    spans: () => received.flatMap(({ body }) => spansOf(body)),
    close
  }
}
