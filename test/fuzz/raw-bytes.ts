/**
 * Sends a running server bytes that no HTTP library would send, and holds every reply against what is promised: it is
 * whole, an error has a body that says what is wrong, none is the server's own fault, and afterwards a healthy request
 * is answered as before. `node build/test/fuzz/raw-bytes.js <origin> <seconds> [seed]`
 */
import { connect } from 'node:net'
import fc from 'fast-check'

const [origin = '', seconds = '60', seed] = process.argv.slice(2)
const { hostname, port, host } = new URL(origin)

const HEALTHY = JSON.stringify({
  inputs: [{ prompt: 'What is the capital of Australia?', response: 'Canberra.' }],
  return: ['ratings']
})

async function healthyReply(): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const reply = await fetch(`${origin}/score`, { method: 'POST', headers, body: HEALTHY })
  if (reply.status !== 200) throw new Error(`a healthy request is answered ${reply.status}`)
  return reply.text()
}

const PATHS = [
  '/score',
  '/explain',
  '/explain/none',
  '/get_reward',
  '/v1/score/evaluation',
  '/classify',
  '/v1/embeddings',
  '/rerank',
  '/predict',
  '/slime',
  '/verify',
  '/v1/chat/completions',
  '/v2/models/x/infer',
  '/v2/repository/index',
  '/apis/custom/reward-system/v1/task_result',
  '/v1/models/x:predict',
  '/metrics',
  '/livez'
]

const BODIES = [
  HEALTHY,
  '{"inputs": [{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}]}',
  '{"query": ["<|im_start|>user\\na<|im_end|>\\n<|im_start|>assistant\\nb<|im_end|>"], "prompts": ["a"]}',
  '{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}], "id": "1"}',
  '{"inputs": [{"input_ids": [1, 2, 198, 1, 520, 9531, 198, 5]}]}',
  '{"input": ["a"], "messages": [], "text": "a"}'
]

const bytes = (text: string) => Buffer.from(text, 'latin1')
const utf8 = (text: string) => Buffer.from(text)

/** Pieces of a body that parsers stumble over. */
const piece = fc.oneof(
  fc
    .constantFrom(
      ...['1e999', '-0', '1'.repeat(400), '0.1e-999', '9007199254740993', 'NaN', '-Infinity', '01', '+1', '1.'],
      ...['"\\ud800"', '"\\u0000"', '"\\x41"', '"\n"', '"', '\\', "'a'", '/*x*/', '[1,]', '{,}', '{"a":1,"a":2}'],
      ...[
        '{"__proto__": {"a": 1}}',
        '{"constructor": {"prototype": {}}}',
        '"inputs": null,',
        'true',
        'null',
        '[[[[]]]]'
      ]
    )
    .map(utf8),
  fc
    .constantFrom(
      ...[
        [0xff],
        [0xc0, 0x80],
        [0xed, 0xa0, 0x80],
        [0xf5, 0x80, 0x80, 0x80],
        [0xe2, 0x82],
        [0xef, 0xbb, 0xbf],
        [0],
        [0xfe, 0xff]
      ]
    )
    .map((codes) => Buffer.from(codes)),
  fc.uint8Array({ maxLength: 12 }).map((codes) => Buffer.from(codes)),
  fc
    .tuple(fc.constantFrom('[', '{"a":', '[{"a":['), fc.integer({ min: 10, max: 100_000 }))
    .map(([open, n]) => utf8(open.repeat(n)))
)

/** A body that was right once: a piece put in, put in the place of something, or the end cut off. */
const body = fc
  .tuple(
    fc.constantFrom(...BODIES).map(utf8),
    fc.nat(),
    fc.nat({ max: 6 }),
    fc.option(piece, { freq: 5 }),
    fc.boolean()
  )
  .map(([whole, at, removed, put, cut]) => {
    const start = at % (whole.length + 1)
    if (put === null) return whole
    return Buffer.concat([whole.subarray(0, start), put, cut ? utf8('') : whole.subarray(start + removed)])
  })

const header = fc.oneof(
  fc
    .constantFrom(
      ...[
        'Content-Type: application/json',
        'Content-Type: text/plain',
        'Content-Type: application/json; charset=utf-16'
      ],
      ...[
        'Content-Type: ;',
        'Content-Encoding: gzip',
        'Content-Encoding: gzip, gzip',
        'Expect: 100-continue',
        'Expect: magic'
      ],
      ...[
        'x-request-timeout-ms: -1',
        'x-request-timeout-ms: 1e9',
        'Inference-Header-Content-Length: 5',
        'X-Request-Id: a b'
      ],
      ...[
        'Inference-Header-Content-Length: 99999999999999999999',
        'traceparent: 00-x',
        'Upgrade: websocket',
        'TE: trailers'
      ],
      ...['Connection: upgrade', 'Authorization: Bearer x', 'Range: bytes=0-', 'Cookie: a=b; a=c; =', 'Host: b']
    )
    .map(bytes),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((codes) => Buffer.concat([bytes('X-Any: '), Buffer.from(codes)])),
  fc.integer({ min: 1, max: 20_000 }).map((n) => bytes(`X-Long: ${'x'.repeat(n)}`))
)

/** How the body is framed, rightly or not. @returns headers and what follows them */
const framing = fc.constantFrom<(body: Buffer) => readonly [string, Buffer]>(
  (body) => [`Content-Length: ${body.length}`, body],
  (body) => [`Content-Length: ${body.length}`, body],
  (body) => ['Transfer-Encoding: chunked', chunked(body, '0\r\n\r\n')],
  (body) => ['Transfer-Encoding: chunked', chunked(body, '')],
  (body) => ['Transfer-Encoding: chunked', chunked(body, '0\r\nTrailer: x\r\n\r\n')],
  (body) => ['Transfer-Encoding: chunked', Buffer.concat([utf8('ffffffffffffffff\r\n'), body])],
  (body) => ['Transfer-Encoding: chunked', Buffer.concat([utf8('-5\r\n'), body])],
  (body) => ['Transfer-Encoding: gzip, chunked', chunked(body, '0\r\n\r\n')],
  (body) => ['Transfer-Encoding: identity', body],
  (body) => [`Content-Length: ${body.length + 7}`, body],
  (body) => [`Content-Length: ${Math.max(0, body.length - 7)}`, body],
  (body) => ['Content-Length: -1', body],
  (body) => ['Content-Length: 1e3', body],
  (body) => ['Content-Length: 99999999999999999999', body],
  (body) => [`Content-Length: ${body.length}\r\nContent-Length: 5`, body],
  (body) => [`Content-Length: ${body.length}\r\nTransfer-Encoding: chunked`, chunked(body, '0\r\n\r\n')],
  (body) => ['X-None: 1', body]
)

function chunked(body: Buffer, end: string): Buffer {
  const half = body.length >> 1
  const parts = [body.subarray(0, half), body.subarray(half)].filter(({ length }) => length > 0)
  const chunks = parts.flatMap((part) => [utf8(`${part.length.toString(16)}\r\n`), part, utf8('\r\n')])
  return Buffer.concat([...chunks, utf8(end)])
}

const method = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('POST', 'GET') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'QUERY', 'post', 'X', 'CONNECT')
  }
)
const target = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...PATHS) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('*', '//', '/%', '/%ff', '/../x', 'http://a/score', '/score#x', '/k/a/score', '/?', '')
  },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ maxLength: 20 }).map((codes) => `/${Buffer.from(codes).toString('latin1')}`)
  },
  { weight: 1, arbitrary: fc.webQueryParameters().map((query) => `/explain?${query}`) }
)
const version = fc.oneof(
  { weight: 12, arbitrary: fc.constant('HTTP/1.1') },
  fc.constantFrom('HTTP/1.0', 'HTTP/2.0', 'HTTP/9', '')
)

const request = fc
  .tuple(method, target, version, fc.array(header, { maxLength: 3 }), framing, body)
  .map(([method, target, version, headers, frame, body]) => {
    const [length, framed] = frame(body)
    const lines = [bytes(`${method} ${target} ${version}`), bytes(`Host: ${host}`), ...headers, bytes(length)]
    return Buffer.concat([...lines.flatMap((line) => [line, bytes('\r\n')]), bytes('\r\n'), framed])
  })
const garbage = fc.uint8Array({ maxLength: 200 }).map((codes) => Buffer.from(codes))

/** What goes over one connection: a request, several at once, or something that is none. */
const traffic = fc.oneof(
  { weight: 5, arbitrary: request },
  { weight: 2, arbitrary: fc.array(request, { minLength: 2, maxLength: 4 }).map((all) => Buffer.concat(all)) },
  { weight: 1, arbitrary: garbage },
  { weight: 1, arbitrary: fc.tuple(request, fc.nat()).map(([whole, at]) => whole.subarray(0, at % whole.length)) }
)

/** Sends, closes this side, and takes what comes until the other side closes too. */
async function exchange(sent: Buffer): Promise<{ received: Buffer; cut: boolean }> {
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  let refused: NodeJS.ErrnoException | undefined
  // A server that has said what is wrong need not listen to the rest.
  socket.on('error', (error: NodeJS.ErrnoException) => (refused = error))
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.end(sent)
  await new Promise((resolve) => socket.once('close', resolve))
  if (refused?.code === 'ECONNREFUSED') throw new Error('the server does not listen any more')
  return { received: Buffer.concat(chunks), cut: refused !== undefined }
}

/**
 * Holds what came back against what every reply is to be.
 * @param cut - whether the connection was reset, which may take the last reply's end
 * @throws Error saying what is wrong
 */
function judge({ received, cut }: Awaited<ReturnType<typeof exchange>>): void {
  for (let at = 0; at < received.length;) {
    const end = received.indexOf('\r\n\r\n', at)
    if (end < 0 && cut) return
    if (end < 0)
      throw new Error(`a reply has no end of its head: ${received.subarray(at, at + 200).toString('latin1')}`)
    const head = received.subarray(at, end).toString('latin1')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? NaN)
    if (Number.isNaN(status)) throw new Error(`not the head of a reply: ${head.slice(0, 200)}`)
    at = end + 4
    if (status < 200) continue
    if (status >= 500)
      throw new Error(`the server's own fault: ${received.subarray(at - 200, at + 300).toString('latin1')}`)
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? NaN)
    if (Number.isNaN(length)) throw new Error(`a reply without a length: ${head}`)
    const body = received.subarray(at, at + length)
    at += length
    if (body.length < length && cut) return
    if (body.length < length) throw new Error(`a reply is not whole: ${body.length} of ${length} bytes`)
    if (status >= 400) judgeError(body.toString())
  }
}

/** An error says what it is, in one of the forms that there are. */
function judgeError(body: string): void {
  const error = JSON.parse(body) as Record<string, unknown>
  const said = error['error'] ?? error['detail'] ?? error['errmsg'] ?? error['message']
  if (said === undefined || said === '') throw new Error(`an error says nothing: ${body.slice(0, 300)}`)
}

const before = await healthyReply()
let runs = 0
const report = await fc.check(
  fc.asyncProperty(traffic, async (sent) => {
    judge(await exchange(sent))
    // Whatever it was, it has not harmed the next one.
    if (++runs % 25 === 0 && (await healthyReply()) !== before) {
      throw new Error('a healthy request is answered otherwise than before')
    }
  }),
  {
    numRuns: 1_000_000,
    interruptAfterTimeLimit: Number(seconds) * 1000,
    markInterruptAsFailure: false,
    ...(seed !== undefined && { seed: Number(seed) })
  }
)
if (report.failed) {
  console.log(`sent: ${JSON.stringify(report.counterexample?.[0].toString('latin1'))?.slice(0, 3000)}`)
  console.log(String(report.errorInstance))
}
const after = await healthyReply().catch((error: unknown) => String(error))
if (after !== before) console.log(`afterwards a healthy request is answered: ${after}`)
console.log(`${runs} connections, seed ${report.seed}`)
process.exitCode = report.failed || after !== before ? 1 : 0
