/** What balancing by prompt saves: waves of GRPO's samples, each a request, through balancers before stand-ins. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, startProgram } from '../support/suite.mjs'
import { envoy, nginx } from './balancers.mjs'
import { ask } from './pair.mjs'
import { samples, send } from './traffic.mjs'

/** Distinct tokens that a server computes in a second, whatever else the machine does. */
const RATE = 5000
const WAVES = 3
const WAVE = { prompts: 32, perPrompt: 8 }
const SHAPES = [
  { name: 'long prompts', promptWords: 240, responseWords: 60 },
  { name: 'long answers', promptWords: 60, responseWords: 120 }
]
/** Ways of both balancers; whether samples name their prompt. */
const WAYS = [
  { name: 'nginx by turns', start: (ports) => nginx.start(ports, [nginx.byTurns]), named: false },
  { name: 'nginx by prompt', start: (ports) => nginx.start(ports), named: false },
  { name: 'Envoy by load', start: (ports) => envoy.start(ports), named: false },
  { name: 'Envoy by prompt', start: (ports) => envoy.start(ports), named: true }
]

async function tokensOf(servers) {
  const sums = { all: 0, computed: 0 }
  for (const { origin } of servers) {
    const { text } = await send(origin, '/metrics')
    const value = (name) => Number(new RegExp(`^armorm_batch_${name}_sum (\\S+)$`, 'm').exec(text)[1])
    sums.all += value('tokens')
    sums.computed += value('distinct_tokens')
  }
  return sums
}

/** The share of tokens that was computed, and the mean of the seconds until a wave was answered. */
async function measure(servers, { start, named }, shape, seed) {
  const proxy = await start(servers.map(({ origin }) => Number(new URL(origin).port)))
  const wave = (n) => samples({ ...WAVE, ...shape, seed: seed + n })
  const send = (n) => Promise.all(wave(n).map((sample) => ask(proxy, sample, named ? undefined : {})))
  try {
    // Connections and weights are there then, as they are in a run of many steps.
    await send(0)
    const before = await tokensOf(servers)
    const began = performance.now()
    for (let n = 1; n <= WAVES; n++) {
      const replies = await send(n)
      if (replies.some(({ status }) => status !== 200)) throw new Error('a request was not answered')
    }
    const seconds = (performance.now() - began) / 1000 / WAVES
    const after = await tokensOf(servers)
    return { share: (after.computed - before.computed) / (after.all - before.all), seconds }
  } finally {
    await proxy.stop()
  }
}

async function rows(program) {
  const lines = []
  let seed = 20
  for (const count of [2, 4]) {
    const start = () => startProgram(program, ['--tokenizer-threads', '1'], { STAND_IN_RATE: `${RATE}` })
    const servers = await Promise.all(Array.from({ length: count }, start))
    for (const shape of SHAPES) {
      for (const way of WAYS) {
        const { share, seconds } = await measure(servers, way, shape, (seed += WAVES + 1))
        const words = `${shape.promptWords} + ${shape.responseWords}`
        lines.push(`| ${count} | ${words} | ${way.name} | ${Math.round(100 * share)} % | ${seconds.toFixed(1)} |`)
        console.log(lines.at(-1))
      }
    }
    await Promise.all(servers.map(({ kill }) => kill('SIGKILL')))
  }
  return lines
}

/** Measures, and puts the table between its marks in docs/balancing.md. */
export async function writeTable(program) {
  const file = join(root, 'docs', 'balancing.md')
  const [before, after] = ['<!-- measured -->', '<!-- /measured -->']
  const text = readFileSync(file, 'utf8')
  const table = [
    '| servers | words of prompt + answer | balanced | computed of the tokens asked for | seconds a wave |',
    '| --- | --- | --- | --- | --- |',
    ...(await rows(program))
  ]
  const [head] = text.split(before)
  const [, tail] = text.split(after)
  writeFileSync(file, `${head}${before}\n\n${table.join('\n')}\n\n${after}${tail}`)
}
