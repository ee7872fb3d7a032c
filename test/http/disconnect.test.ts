import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { CallerState } from '../../src/scheduling/rated-sequence.js'
import type { Rater } from '../../src/scoring/rater.js'
import { until } from '../support/until.js'
import { fakeApp, heldRater, rateByLength } from './helpers.js'

async function listening(t: Test, rater: Rater, log?: string[]): Promise<FastifyInstance> {
  const app = await fakeApp(t, { rater }, log)
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app
}

async function send(app: FastifyInstance, head: string, body: string): Promise<Socket> {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(`${head}\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  return socket
}

const metricsOf = async (app: FastifyInstance) => (await app.inject({ method: 'GET', url: '/metrics' })).body

/** Waits until only the scrape itself is in flight. */
const untilIdle = (app: FastifyInstance) => until(async () => /^armorm_inflight 1$/m.test(await metricsOf(app)))

const body = JSON.stringify({ inputs: [{ text: 'PRIVATE' }, { text: 'b' }], on_error: 'item' })

/** Rates once its signal says that nobody waits any more. */
function untilAborted(): { rater: Rater; started: Promise<void>; reasons: unknown[] } {
  const reasons: unknown[] = []
  let start = () => {}
  const started = new Promise<void>((resolve) => (start = resolve))
  const rater: Rater = {
    async rate(_sequence, signal) {
      start()
      if (!signal) throw new Error('no signal')
      await until(() => signal.aborted)
      reasons.push(signal.reason)
      throw signal.reason
    }
  }
  return { rater, started, reasons }
}

t.test('the work of a client that goes away is given up, on every route that takes work', async (t) => {
  const query = '<|im_start|>user\\nPRIVATE<|im_end|>\\n<|im_start|>assistant\\nb<|im_end|>'
  for (const [head, given, waiting, protocol] of [
    ['POST /score HTTP/1.1', body, 2, 'score'],
    ['POST /explain HTTP/1.1', '{"text":"PRIVATE"}', 1, 'explain'],
    ['GET /explain?prompt=PRIVATE&response=b HTTP/1.1', '', 1, 'explain'],
    ['POST /get_reward HTTP/1.1', `{"query":["${query}","${query}"]}`, 2, 'openrlhf'],
    ['POST /classify HTTP/1.1', `{"input":"${query}"}`, 1, 'vllm'],
    ['POST /classify HTTP/1.1', `{"text":"${query}"}`, 1, 'sglang'],
    ['POST /slime HTTP/1.1', '{"prompt":"PRIVATE","response":"b"}', 1, 'slime'],
    ['POST /xtuner HTTP/1.1', '{"response":"b","label":{"prompt":"PRIVATE"}}', 1, 'xtuner'],
    ['POST /align-anything HTTP/1.1', '{"prompts":["PRIVATE","a"],"responses":["b","b"]}', 2, 'align-anything'],
    [
      'POST /verify HTTP/1.1',
      '{"responses_create_params":{"input":"PRIVATE"},"response":{"output":[{"role":"assistant","content":"b"}]}}',
      1,
      'nemo-gym'
    ],
    [
      'POST /v1/chat/completions HTTP/1.1',
      '{"messages":[{"role":"user","content":"PRIVATE"},{"role":"assistant","content":"b"}]}',
      1,
      'nemotron'
    ]
  ] as const) {
    const { rater, started, reasons } = untilAborted()
    const log: string[] = []
    const app = await listening(t, rater, log)
    const socket = await send(app, head, given)
    await started
    socket.destroy()
    await until(() => reasons.length === waiting)
    await untilIdle(app)
    t.match(reasons, Array(waiting).fill({ code: 'client_closed' }))
    const [method, path = ''] = head.split(/[ ?]/)
    const metrics = (await metricsOf(app)).split('\n')
    for (const line of [
      `armorm_http_requests_total{route="${path}",method="${method}",status="499"} 1`,
      'armorm_errors_total{code="client_closed"} 1',
      `armorm_samples_total{protocol="${protocol}",outcome="rejected"} ${waiting}`
    ]) {
      t.ok(metrics.includes(line), line)
    }
    const lines = log.map((line) => JSON.parse(line) as object).filter((line) => 'route' in line && 'ms' in line)
    t.match(lines[0], { route: path, status: 499, code: 'client_closed' })
    t.notMatch(log.join(''), 'PRIVATE')
    t.notOk(
      log.some((line) => (JSON.parse(line) as { level: number }).level >= 50),
      'nothing is logged as a fault'
    )
  }
})

t.test('a client that goes away in the middle of its body, or while its reply is made, is counted once', async (t) => {
  const { rater, started, release } = heldRater()
  const app = await listening(t, rater)
  const half = await send(app, 'POST /score HTTP/1.1', body)
  await started
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write('POST /score HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"inputs":')
  await until(async () => /^armorm_inflight 3$/m.test(await metricsOf(app)))
  socket.destroy()
  half.destroy()
  await untilIdle(app)
  release()
  const metrics = await metricsOf(app)
  t.match(metrics, /^armorm_http_requests_total\{route="\/score",method="POST",status="499"\} 2$/m)
  t.strictSame(metrics.match(/^armorm_errors_total.*$/gm), ['armorm_errors_total{code="client_closed"} 2'])
})

t.test('a client that goes away in the middle of the body of a GET is no fault of the server', async (t) => {
  const log: string[] = []
  const app = await listening(t, heldRater().rater, log)
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const path = '/apis/custom/reward-system/v1/task_result'
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"reward`)
  await until(async () => /^armorm_inflight 2$/m.test(await metricsOf(app)))
  socket.destroy()
  await untilIdle(app)
  t.match(await metricsOf(app), `armorm_http_requests_total{route="${path}",method="GET",status="499"} 1`)
  t.notOk(
    log.some((line) => (JSON.parse(line) as { level: number }).level >= 50),
    'nothing is logged as a fault'
  )
})

t.test('the signal of a client that stays is never aborted', async (t) => {
  const signals: (CallerState | undefined)[] = []
  const app = await fakeApp(t, {
    rater: {
      async rate(sequence, signal) {
        signals.push(signal)
        return rateByLength(sequence)
      }
    }
  })
  await app.inject({ method: 'POST', url: '/score', payload: body })
  t.strictSame(
    signals.map((signal) => signal?.aborted),
    [false, false]
  )
})
