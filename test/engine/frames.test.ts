import fc from 'fast-check'
import t from 'tap'
import { FrameReader, frameOf } from '../../src/engine/frames.js'
import { sequence } from '../support/engines.js'

/** What a reader makes of bytes that come in pieces of these lengths, over and over. */
function read(bytes: Buffer, pieces: readonly number[] = [bytes.length]) {
  const messages: unknown[] = []
  const broken: string[] = []
  const reader = new FrameReader(
    (message) => messages.push(message),
    (reason) => broken.push(reason)
  )
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const end = at + pieces[i % pieces.length]!
    reader.push(bytes.subarray(at, end))
    at = end
  }
  return { messages, broken }
}

const MESSAGES = [
  { type: 'run', run: 1, batch: [sequence([1, 2, 3]), sequence([70_000], 0)] },
  { type: 'result', run: 1, outputs: { score: Float32Array.of(1, NaN, Infinity) } },
  null
]
const STREAM = Buffer.concat(MESSAGES.map(frameOf))

t.test('messages are what they were, in whatever pieces their bytes come', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }), (pieces) => {
      const { messages, broken } = read(STREAM, pieces)
      t.strictSame(broken, [])
      t.strictSame(messages, MESSAGES)
    })
  )
})

t.test('bytes anywhere between are told from messages: those in front are read, nothing else', async (t) => {
  const ends = MESSAGES.map((_, i) => Buffer.concat(MESSAGES.slice(0, i + 1).map(frameOf)).length)
  fc.assert(
    fc.property(
      fc.nat(STREAM.length - 1),
      fc.uint8Array({ minLength: 1, maxLength: 50 }),
      fc.integer({ min: 1, max: 300 }),
      (at, stray, piece) => {
        const { messages, broken } = read(Buffer.concat([STREAM.subarray(0, at), stray, STREAM.subarray(at), STREAM]), [
          piece
        ])
        const whole = ends.filter((end) => end <= at).length
        t.ok(messages.length >= whole)
        // A stray byte may be the one that would come next anyhow; and one in a length may have the reader wait.
        t.strictSame(messages, [...MESSAGES, ...MESSAGES].slice(0, messages.length))
        const after = STREAM.subarray(at, at + stray.length)
        const inLength = [0, ...ends].some((end) => at >= end && at <= end + 8)
        if (!inLength && !after.equals(stray)) t.equal(broken.length, 1)
      }
    ),
    { examples: [[8, Uint8Array.of(0), 300]] }
  )
})

t.test('a length that no message has', async (t) => {
  const frame = frameOf('message')
  for (const length of [0, 15, 2 ** 30 + 1, 2 ** 32 - 1]) {
    const wrong = Buffer.from(frame)
    wrong.writeUInt32LE(length, 4)
    t.strictSame(read(wrong), { messages: [], broken: [`a message of ${length} bytes`] })
  }
})

t.test('marks around what is no message', async (t) => {
  const frame = frameOf('message')
  frame.fill(0xff, 8, frame.length - 8)
  t.strictSame(read(frame), { messages: [], broken: ['a message that cannot be read'] })
})
