import { deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, assistant, PROMPT, recorder, TEXT, user } from './support.js'

const INFER = '/v2/models/tiny/infer'

/** An element as tritonclient writes it: length in 4 bytes, little-endian, and the bytes. */
function element(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

const elements = (...texts: (string | Buffer)[]) => Buffer.concat(texts.map(element))

/** A tensor whose data stand behind the JSON. */
const bytes = (name: string, shape: number[], binary_data_size: unknown, datatype = 'BYTES') => ({
  name,
  shape,
  datatype,
  parameters: { binary_data_size }
})

/** Sends it as tritonclient does: no Content-Type, the length of the JSON in its own header. */
async function send(app: FastifyInstance, request: unknown, tail: Buffer, headers: Record<string, string> = {}) {
  const json = Buffer.from(JSON.stringify(request))
  return app.inject({
    method: 'POST',
    url: INFER,
    headers: { 'inference-header-content-length': String(json.length), ...headers },
    payload: Buffer.concat([json, tail])
  })
}

t.test("tritonclient's request as it comes: bytes in, and bytes out when no output is named", async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer, rater: always(0.5) })
  const tail = elements(TEXT, 'grüße 🙂')
  const reply = await send(
    app,
    { inputs: [bytes('text', [2, 1], tail.length)], parameters: { binary_data_output: true } },
    tail
  )
  t.equal(reply.statusCode, 200, reply.body)
  t.equal(reply.headers['content-type'], 'application/octet-stream')
  const length = Number(reply.headers['inference-header-content-length'])
  const head = JSON.parse(reply.rawPayload.subarray(0, length).toString()) as { outputs: object[] }
  const error = 'unparsable_text: no turn of a chat template opens from offset 0 on: looked for '
  const { rawPayload } = reply
  const tensors = rawPayload.subarray(length)
  const errors = tensors.subarray(8 * 4 + 3 * 24 + 2)
  t.strictSame(head, {
    model_name: 'tiny',
    model_version: '1',
    outputs: [
      ...['reward', 'rewards', 'score', 'calibrated'].map((name) => ({
        name,
        datatype: 'FP32',
        shape: [2, 1],
        parameters: { binary_data_size: 8 }
      })),
      ...['ratings', 'gating', 'contributions'].map((name) => ({
        name,
        datatype: 'FP32',
        shape: [2, 3],
        parameters: { binary_data_size: 24 }
      })),
      { name: 'truncated', datatype: 'BOOL', shape: [2, 1], parameters: { binary_data_size: 2 } },
      { name: 'error', datatype: 'BYTES', shape: [2, 1], parameters: { binary_data_size: errors.length } }
    ]
  })
  const floats = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => tensors.readFloatLE(from + i * 4))
  t.strictSame(floats(0, 2), [0.5, 0])
  t.strictSame(floats(32, 6), [0.75, 0.5, -0.25, 0, 0, 0])
  t.strictSame([...tensors.subarray(104, 106)], [0, 0])
  t.equal(errors.readUInt32LE(0), 0, 'the first was scored')
  t.equal(errors.readUInt32LE(4), errors.length - 8)
  t.ok(errors.subarray(8).toString().startsWith(error))
  t.strictSame(seen, [{ kind: 'messages', messages: [user('How much is 2+2?'), assistant('4')] }])
})

t.test('each output says for itself whether it is bytes', async (t) => {
  const app = await fakeApp(t, { rater: always(0.5) })
  const outputs = [
    { name: 'score', parameters: { binary_data: false } },
    { name: 'reward', parameters: { binary_data: true } },
    { name: 'truncated' }
  ]
  const inputs = [{ name: 'text', shape: [1], datatype: 'BYTES', data: [TEXT] }]
  const ask = async (parameters: object) => {
    const reply = await app.inject({ method: 'POST', url: INFER, payload: { inputs, outputs, parameters } })
    const length = Number(reply.headers['inference-header-content-length'])
    return {
      head: JSON.parse(reply.rawPayload.subarray(0, length).toString()) as object,
      tail: reply.rawPayload.subarray(length)
    }
  }
  const some = await ask({})
  t.match(some.head, {
    outputs: [
      { name: 'score', data: [0.5] },
      { name: 'reward', parameters: { binary_data_size: 4 }, data: undefined },
      { name: 'truncated', data: [false] }
    ]
  })
  t.strictSame([some.tail.length, some.tail.readFloatLE(0)], [4, 0.5])
  const all = await ask({ binary_data_output: true })
  t.match(all.head, { outputs: [{ data: [0.5] }, { data: undefined }, { data: undefined }] })
  t.equal(all.tail.length, 5)
})

t.test('tensors in bytes and in JSON side by side, and integers of every width', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const answer = elements('4', '5')
  const mixed = await send(
    app,
    {
      inputs: [
        bytes('response', [2], answer.length),
        { name: 'prompt', shape: [2], datatype: 'BYTES', data: [PROMPT, 'Hi'] }
      ]
    },
    answer
  )
  t.equal(mixed.statusCode, 200, mixed.body)
  const ids = Buffer.alloc(16)
  ids.writeBigInt64LE(258n, 0)
  ids.writeBigInt64LE(7n, 8)
  const lengths = Buffer.from([1, 0, 0, 0])
  const tokens = await send(
    app,
    { inputs: [bytes('tokens', [1, 2], 16, 'INT64'), bytes('sequence_lengths', [1, 1], 4, 'UINT32')] },
    Buffer.concat([ids, lengths])
  )
  t.equal(tokens.statusCode, 200, tokens.body)
  const unsigned = await send(app, { inputs: [bytes('tokens', [1, 2], 16, 'UINT64')] }, ids)
  t.equal(unsigned.statusCode, 200)
  const empty = await send(app, { inputs: [bytes('text', [0], 0)] }, Buffer.alloc(0))
  t.equal(empty.statusCode, 200)
  t.strictSame(seen, [
    { kind: 'messages', messages: [user('How much is 2+2?'), assistant('4')] },
    { kind: 'messages', messages: [user('Hi'), assistant('5')] },
    { kind: 'ids', ids: [258] },
    { kind: 'ids', ids: [258, 7] }
  ])
})

t.test('malformed bytes are refused, by what is wrong with them', async (t) => {
  const app = await fakeApp(t)
  const one = element(TEXT)
  const long = Buffer.from([255, 255, 255, 255, 65])
  const text = (size: unknown, shape = [1]) => ({ inputs: [bytes('text', shape, size)] })
  for (const [request, tail, error] of [
    [text(long.length), long, /inputs\[0\]: element 0 at byte 0 has length 4294967295, but 1 bytes are left/],
    [text(3), Buffer.alloc(3), /element 0 at byte 0 has no whole length of 4 bytes/],
    [text(one.length + 2), Buffer.concat([one, Buffer.alloc(2)]), /element 1 at byte \d+ has no whole length/],
    [text(one.length + 1), one, /binary_data_size is \d+, but \d+ bytes are left/],
    [text(2 ** 53), one, /binary_data_size must be a number of bytes/],
    [text(-1), one, /must be a number of bytes/],
    [text('4'), one, /must be a number of bytes/],
    [text(null), one, /must be a number of bytes/],
    [text(one.length), Buffer.concat([one, one]), /\d+ bytes follow those of the last input/],
    [{ inputs: [{ name: 'text', shape: [1], datatype: 'BYTES', data: [TEXT] }] }, one, /bytes follow/],
    [text(one.length, [2]), one, /text, has 1 elements, but the shape \[2\]/],
    [text(one.length, [2, 3]), one, /must have the shape/],
    [{ inputs: [{ ...bytes('text', [1], one.length), data: [TEXT] }] }, one, /both data and binary_data_size/],
    [{ inputs: [bytes('text', [1], one.length, 'FP32')] }, one, /must be of datatype BYTES, INT32/],
    [{ inputs: [bytes('tokens', [1, 1], 9, 'INT64')] }, Buffer.alloc(9), /size is 9, but an element has 8 bytes/],
    [text(6), elements(Buffer.from([0xff, 0xc0])), /element 0 at byte 0 is not valid UTF-8/],
    [{ inputs: {} }, Buffer.alloc(0), /\/inputs must be array/],
    [[], Buffer.alloc(0), /must be object/]
  ] as const) {
    const reply = await send(app, request, tail)
    t.equal(reply.statusCode, 400, reply.body)
    t.match(reply.json(), { error }, JSON.stringify(request))
    t.notMatch(reply.body, /2\+2/, 'no text of a prompt')
  }
  for (const length of ['100000', '-1', '1e2', '', 'x', '9'.repeat(40)]) {
    const reply = await send(app, text(one.length), one, { 'inference-header-content-length': length })
    t.equal(reply.statusCode, 400, length)
    t.match(reply.json(), { error: /^invalid_request: the header inference-header-content-length must be the bytes/ })
  }
  const half = await send(app, text(one.length), one, { 'inference-header-content-length': '9' })
  t.match(half.json(), { error: /^invalid_json: .* ends too early/ })
  const unlabelled = await app.inject({ method: 'POST', url: INFER, payload: text(one.length) })
  t.match(unlabelled.json(), { error: /binary_data_size is \d+, but 0 bytes are left/ })
})

t.test('texts of all kinds come through unchanged', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), async (contents) => {
      seen.length = 0
      const tail = elements(...contents.map((content) => JSON.stringify([user('\ufeffa'), assistant(content)])))
      const reply = await send(app, { inputs: [bytes('messages', [contents.length], tail.length)] }, tail)
      const read = seen.map((each) => (each.kind === 'messages' ? each.messages.at(-1)?.content : ''))
      return reply.statusCode === 200 && JSON.stringify(read) === JSON.stringify(contents)
    }),
    { numRuns: 100 }
  )
})

t.test('whatever the bytes are, there is a reply or an error of the contract', async (t) => {
  const app = await fakeApp(t)
  const small = fc.uint8Array({ maxLength: 40 })
  // Small lengths, that some elements are whole.
  const framed = fc
    .array(fc.tuple(fc.nat(6), small), { maxLength: 4 })
    .map((parts) => Buffer.concat(parts.flatMap(([n, rest]) => [Buffer.from([n, 0, 0, 0]), rest.subarray(0, 6)])))
  const tails = fc.oneof(
    small.map((bytes) => Buffer.from(bytes)),
    framed
  )
  const size = fc.oneof(fc.nat(50), fc.constant(undefined), fc.integer(), fc.double())
  const input = fc
    .tuple(
      fc.constantFrom('text', 'messages', 'tokens', 'prompt', 'response'),
      fc.nat(3),
      size,
      fc.constantFrom('BYTES', 'INT64', 'INT32')
    )
    .map(([name, rows, bytesOf, datatype]) => bytes(name, name === 'tokens' ? [1, rows] : [rows], bytesOf, datatype))
  await fc.assert(
    fc.asyncProperty(fc.array(input, { maxLength: 2 }), tails, fc.option(fc.nat(300)), async (inputs, tail, length) => {
      const headers: Record<string, string> =
        length === null ? {} : { 'inference-header-content-length': String(length) }
      const reply = await send(app, { inputs }, tail, headers)
      if (reply.statusCode === 200) return Array.isArray(reply.json<{ outputs: unknown }>().outputs)
      return reply.statusCode === 400 && typeof reply.json<{ error: unknown }>().error === 'string'
    }),
    { numRuns: 300 }
  )
})

t.test('bodies may be compressed, and inflate no further than the limit', async (t) => {
  const app = await fakeApp(t, { rater: always(0.5), limits: { bodyLimit: 2000 } })
  const tail = element(TEXT)
  const request = { inputs: [bytes('text', [1], tail.length)], outputs: [{ name: 'reward' }] }
  const json = Buffer.from(JSON.stringify(request))
  const body = Buffer.concat([json, tail])
  const ask = (payload: Buffer, encoding: string, length = json.length) =>
    app.inject({
      method: 'POST',
      url: INFER,
      headers: { 'content-encoding': encoding, 'inference-header-content-length': String(length) },
      payload
    })
  for (const [payload, encoding] of [
    [gzipSync(body), 'gzip'],
    [deflateSync(body), 'deflate'],
    [gzipSync(body), 'GZIP'],
    [body, 'identity']
  ] as const) {
    const reply = await ask(payload, encoding)
    t.equal(reply.statusCode, 200, reply.body)
    t.match(reply.json(), { outputs: [{ data: [0.5] }] })
  }
  const plain = JSON.stringify({ inputs: [{ name: 'text', shape: [1], datatype: 'BYTES', data: [TEXT] }] })
  const compressed = await app.inject({
    method: 'POST',
    url: INFER,
    headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
    payload: gzipSync(plain)
  })
  t.equal(compressed.statusCode, 200, 'JSON alone, too')

  const exact = Buffer.alloc(2000, ' ')
  body.copy(exact)
  t.match((await ask(gzipSync(exact), 'gzip')).json(), { error: /bytes follow/ }, 'as much as the limit is read')
  const bomb = gzipSync(Buffer.alloc(50_000_000))
  t.ok(bomb.length > 2000, 'the bomb itself is refused by its own size')
  for (const [payload, encoding, status, error] of [
    [gzipSync(Buffer.alloc(2001)), 'gzip', 413, /^body_too_large: the body inflates to more than 2000 bytes/],
    [deflateSync(Buffer.alloc(1_000_000)), 'deflate', 413, /^body_too_large: the body inflates/],
    [body, 'gzip', 400, /not valid gzip/],
    [gzipSync(body).subarray(0, 60), 'gzip', 400, /not valid gzip/],
    [body, 'br', 415, /must be gzip, deflate or identity/],
    [gzipSync(gzipSync(body)), 'gzip, gzip', 415, /must be gzip/]
  ] as const) {
    const reply = await ask(payload, encoding)
    t.equal(reply.statusCode, status, reply.body)
    t.match(reply.json(), { error })
  }
})
