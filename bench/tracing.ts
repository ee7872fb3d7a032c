/**
 * What traces cost: requests a second and processor time of a server whose engine takes no time, without traces and
 * with them, in turns. Small requests, so that what a request costs besides its tokens is most of it.
 *
 *     npm run bench:tracing
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { end, type HttpProcess, startHttp, timed } from './contestants/process.js'
import { processesWanting } from './machine.js'
import { closedLoop, sender } from './overload/load.js'
import { spread } from './statistics.js'

const MODEL = 'models/default'
// Compiled to build/bench.
const STAND_IN = fileURLToPath(new URL('./stand-in/server.js', import.meta.url))
const ROUNDS = 25
const CLIENTS = 16
const REQUESTS = 1000

/** A collector that reads what comes and thanks for it. */
const collector = createServer((request, response) => {
  request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{}'))
}).listen(0, '127.0.0.1')
await once(collector, 'listening')
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`

const SETTINGS: Readonly<Record<string, readonly string[]>> = {
  off: ['--otlp-endpoint', 'none'],
  'one in a hundred': ['--otlp-endpoint', endpoint, '--trace-ratio', '0.01'],
  all: ['--otlp-endpoint', endpoint]
}

interface Turn {
  readonly perSecond: number
  /** Milliseconds of processor time, of server and stand-in; NaN where there is no /proc. */
  readonly cpuMs: number
}

let number = 0
const body = () => JSON.stringify({ inputs: [{ prompt: `What is ${++number} + 1?`, response: 'It is one more.' }] })

async function turn({ origin, child }: HttpProcess): Promise<Turn> {
  const send = sender(origin, '/score')
  const { seconds, cpuSeconds, value } = await timed(child, () => closedLoop(CLIENTS, REQUESTS, () => send(body())))
  const refused = value.find(({ status }) => status !== 200)
  if (refused) throw new Error(`the server answered ${refused.status}: ${refused.body}`)
  return { perSecond: REQUESTS / seconds, cpuMs: (1000 * (cpuSeconds ?? NaN)) / REQUESTS }
}

const servers = new Map<string, HttpProcess>()
const turns = new Map<string, Turn[]>()
try {
  for (const [name, args] of Object.entries(SETTINGS)) {
    const all = [
      'serve',
      '--model',
      MODEL,
      '--threads',
      '1',
      '--tokenizer-threads',
      '1',
      '--log-level',
      'silent',
      ...args
    ]
    const server = await startHttp(STAND_IN, all, '/readyz')
    servers.set(name, server)
    turns.set(name, [])
    await turn(server)
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, server] of servers) turns.get(name)!.push(await turn(server))
  }
} finally {
  await Promise.all([...servers.values()].map(({ child }) => end(child)))
  collector.close()
  collector.closeAllConnections()
}

const off = turns.get('off')!
const ratio = (name: string, figure: keyof Turn) => {
  const { median, low, high } = spread(turns.get(name)!.map((each, round) => each[figure] / off[round]![figure]))
  return `${median.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}
console.log('| traces | requests/s | as a part of those without | processor ms a request | times that without |')
console.log('| --- | --- | --- | --- | --- |')
for (const [name, all] of turns) {
  const perSecond = spread(all.map((each) => each.perSecond)).median.toFixed(0)
  const cpuMs = spread(all.map((each) => each.cpuMs)).median.toFixed(2)
  console.log(`| ${name} | ${perSecond} | ${ratio(name, 'perSecond')} | ${cpuMs} | ${ratio(name, 'cpuMs')} |`)
}
console.log(`\n${ROUNDS} turns of ${REQUESTS} requests each; ${processesWanting().toFixed(1)} processes wanted a core`)
