/** What load balancers are to do before two servers. */
import assert from 'node:assert/strict'
import { check, freePort } from '../support/suite.mjs'
import { envoy, nginx, SERVED_BY } from './balancers.mjs'
import { ask, behind, until } from './pair.mjs'
import { FORMS, samples, send } from './traffic.mjs'

/** In URLs that no log may hold. */
const SECRET = 'hush-hush'
const CLIENTS = 24

/**
 * Who answered the samples of each prompt: all answered, each prompt's by one server, prompts by both.
 * @param atOnce - requests that are sent at the same time
 */
async function meet(pair, send, atOnce = 16) {
  const all = samples({ prompts: 32, perPrompt: 4, promptWords: 40, responseWords: 10, seed: 1 })
  const groups = new Map()
  for (let i = 0; i < all.length; i += atOnce) {
    const part = all.slice(i, i + atOnce)
    const replies = await Promise.all(part.map((sample) => send(sample)))
    replies.forEach((reply, j) => {
      assert.equal(reply.status, 200, reply.text)
      const { group } = part[j]
      groups.set(group, (groups.get(group) ?? new Set()).add(reply.headers[SERVED_BY]))
    })
  }
  const divided = [...groups.values()].filter((servers) => servers.size > 1)
  assert.equal(divided.length, 0, 'prompts whose samples were divided')
  const first = [...groups.values()].filter(([server]) => server.endsWith(`:${pair.ports[0]}`)).length
  assert.ok(first >= 4 && first <= 28, `${first} of 32 prompts on one server`)
}

/** Asks as `CLIENTS` clients do, one request after another, until told to stop; half of the requests name their prompt. */
function load(proxy) {
  const answers = []
  let stopped = false
  const client = async (i) => {
    for (let n = 0; !stopped; n++) {
      const [sample] = samples({ prompts: 1, perPrompt: 1, promptWords: 60, responseWords: 30, seed: 10_000 * i + n })
      const [path, body] = FORMS['POST /score'](sample)
      // Now and then more than nginx keeps in memory.
      const padding = n % 25 === 0 ? ' '.repeat(2e6) : ''
      const headers = n % 2 === 0 ? { 'x-affinity-key': `${i} ${n}` } : {}
      answers.push({ sample, reply: await send(proxy.origin, path, JSON.stringify(body) + padding, headers) })
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, (_, i) => client(i)))
  const stop = () => {
    stopped = true
    return clients
  }
  return { answers, stop }
}

/** Every request has one answer, and it is the one that a server gives with nothing between. */
async function allRight(origin, answers) {
  const refused = answers.find(({ reply }) => reply.status !== 200)
  assert.equal(refused, undefined, refused && `${refused.reply.status}: ${refused.reply.text}`)
  const inputs = answers.map(({ sample: { prompt, response } }) => ({ prompt, response }))
  const direct = (await send(origin, '/score', { inputs, return: ['score'] })).json().results
  const scores = answers.map(({ reply }) => reply.json().results.map(({ score }) => score))
  assert.deepEqual(
    scores,
    direct.map(({ score }) => [score])
  )
}

const answeredBy = (pair, i, answers) => answers.filter(({ reply }) => pair.isServer(reply, i)).length

/** One server is killed, and comes back; the other is stopped, and comes back. */
async function losesNothing(pair, proxy, retried) {
  const { answers, stop } = load(proxy)
  const comesBack = async (i) => {
    await pair.start(i)
    const before = answers.length
    await until('work for the server that is back', () => answeredBy(pair, i, answers.slice(before)) > 10)
  }
  try {
    await until('work', () => [0, 1].every((i) => answeredBy(pair, i, answers) > 20))
    await pair.kill(0, 'SIGKILL')
    await comesBack(0)
    await until('a request that had been on its way to the server that was killed', () => retried.test(proxy.log()))
    assert.equal(await pair.kill(1, 'SIGTERM'), 0, 'the other one finishes what it has')
    await comesBack(1)
  } finally {
    await stop()
  }
  await allRight(pair.origin(0), answers)
}

/** Requests of which only one server knows something. */
async function findsWhatIsKept(proxy) {
  const roll = '/apis/custom/reward-system/v1'
  for (const sample of samples({ prompts: 8, perPrompt: 1, promptWords: 20, responseWords: 5, seed: 2 })) {
    const { results } = (await ask(proxy, sample)).json()
    const found = await send(proxy.origin, `/explain/${results[0].explain_id}`)
    assert.equal(found.status, 200, found.text)
    const { reward_request_id: id } = (await send(proxy.origin, `${roll}/submit_task`, sample)).json()
    await until('the result of a task', async () => {
      const polled = (await send(proxy.origin, `${roll}/task_result?reward_request_id=${id}`)).json()
      assert.ok(polled.errcode === 1 || polled.reward_score !== undefined, 'the task is known')
      return polled.errcode === 0
    })
  }
  assert.equal((await send(proxy.origin, '/explain/0')).status, 404)
}

const asksWithSecrets = ({ origin }) =>
  Promise.all(
    [
      `/k/${SECRET}/score`,
      `/k/${SECRET}%2F${SECRET}/score`,
      `/explain?prompt=${SECRET}&response=${SECRET}`,
      `/explain/${SECRET}`
    ].map((path) => send(origin, path))
  )

/** What every balancer is to do. @param retried - what the log says of a request that was asked again */
export async function balances(pair, balancer, retried) {
  const { name } = balancer
  await behind(pair, balancer.start, async (proxy) => {
    await check(`${name}: samples of a prompt meet by x-affinity-key, and prompts spread`, () =>
      // Of few at a time Envoy's bound leaves no server more than its share.
      meet(pair, (sample) => ask(proxy, sample), balancer === envoy ? 1 : 16)
    )
    await check(`${name}: requests without a key go to both`, async () => {
      const all = samples({ prompts: 40, perPrompt: 1, promptWords: 20, responseWords: 5, seed: 3 })
      const withoutPrompt = ({ response }) => ['/score', { inputs: [{ text: response }] }]
      const answers = await Promise.all(
        all.map(async (sample) => ({ reply: await ask(proxy, sample, {}, withoutPrompt) }))
      )
      for (const i of [0, 1]) assert.ok(answeredBy(pair, i, answers) >= 10)
    })
    await check(`${name}: a repeat comes to the server that remembers it`, async () => {
      for (const sample of samples({ prompts: 12, perPrompt: 1, promptWords: 20, responseWords: 5, seed: 4 })) {
        await ask(proxy, sample)
        const { usage } = (await ask(proxy, sample)).json()
        assert.equal(usage.cached_tokens, usage.tokens)
      }
    })
    await check(`${name}: explanations and tasks are found where they are kept`, () => findsWhatIsKept(proxy))
    await check(`${name}: what is for operators is closed`, async () => {
      const spellings = [
        '/metrics',
        '/admin/reload',
        `/k/${SECRET}/admin/reload`,
        '/k/a%2Fb/metrics',
        '/%61dmin/reload'
      ]
      for (const path of [...spellings, '//metrics', '/score/../metrics', '/k/%2e%2e/metrics']) {
        assert.equal((await send(proxy.origin, path)).status, 404, path)
      }
      assert.equal((await send(proxy.origin, '/v1/models')).status, 200)
    })
    await check(
      `${name}: one killed and one stopped under load, nothing is lost, and both get work again`,
      async () => {
        await asksWithSecrets(proxy)
        await losesNothing(pair, proxy, retried)
        assert.ok(!proxy.log().includes(SECRET), 'the log holds no key of a URL, and no text')
      }
    )
  })
  await check(
    `${name}: without a server it answers 503 with Retry-After, and its log holds no key and no text`,
    async () => {
      const proxy = await balancer.start([await freePort(), await freePort()])
      try {
        for (const { status, headers, json } of await asksWithSecrets(proxy)) {
          assert.equal(status, 503)
          assert.ok(Number(headers['retry-after']) > 0)
          assert.equal(json().error.code, 'engine_unavailable')
        }
        await until('the log', () => proxy.log().includes('"status":503'))
        assert.ok(!proxy.log().includes(SECRET))
      } finally {
        await proxy.stop()
      }
    }
  )
}

/** Of servers whose queues are short. */
export async function passesRefusals(pair, { name, start }, seed) {
  await check(`${name}: 429 comes to the client with Retry-After, and both servers are still asked`, () =>
    behind(pair, start, async (proxy) => {
      const all = samples({ prompts: 48, perPrompt: 1, promptWords: 80, responseWords: 20, seed })
      const replies = await Promise.all(all.map((sample) => ask(proxy, sample)))
      assert.ok(replies.every(({ status }) => status === 200 || status === 429))
      const refused = replies.filter(({ status }) => status === 429)
      assert.ok(refused.length > 0)
      for (const { headers } of refused) assert.ok(Number(headers['retry-after']) > 0)
      // What was answered is remembered, so it is answered again at once.
      const known = all.filter((_, i) => replies[i].status === 200)
      const again = await Promise.all(known.map((sample) => ask(proxy, sample)))
      assert.ok(again.some((reply) => pair.isServer(reply, 0)) && again.some((reply) => pair.isServer(reply, 1)))
    })
  )
}

/** What nginx alone does: it reads the prompt from the body. */
export async function readsBodies(pair) {
  await behind(pair, nginx.start, async (proxy) => {
    for (const [name, form] of Object.entries(FORMS)) {
      await check(`nginx: samples of a prompt meet without a header: ${name}`, () =>
        meet(pair, (sample) => ask(proxy, sample, {}, form))
      )
    }
    await check('nginx: a body of several prompts, or that is no JSON, goes to any', async () => {
      const two = samples({ prompts: 2, perPrompt: 1, promptWords: 20, responseWords: 5, seed: 6 })
      const inputs = two.map(({ prompt, response }) => ({ prompt, response }))
      assert.equal((await send(proxy.origin, '/score', { inputs })).status, 200)
      assert.equal((await send(proxy.origin, '/score', '{')).status, 400)
    })
  })
  const withoutModule = (ports) => nginx.start(ports, nginx.withoutModule())
  await check('nginx: without njs samples of a prompt meet by x-affinity-key', () =>
    behind(pair, withoutModule, (proxy) => meet(pair, (sample) => ask(proxy, sample)))
  )
}

/** What Envoy alone does: it asks servers whether they are ready. Of servers that are slow to stop; one is stopped. */
export async function asksForReadiness(pair) {
  await check('Envoy: a server that is not ready is not asked, though it would answer', () =>
    behind(pair, envoy.start, async (proxy) => {
      const all = samples({ prompts: 24, perPrompt: 1, promptWords: 5, responseWords: 5, seed: 9 })
      const replies = () => Promise.all(all.map((sample) => ask(proxy, sample)))
      assert.ok((await replies()).some((reply) => pair.isServer(reply, 0)))
      void pair.kill(0, 'SIGTERM')
      await until('the other alone', async () => (await replies()).every((reply) => pair.isServer(reply, 1)))
      assert.equal((await send(pair.origin(0), '/readyz')).status, 503)
      assert.equal((await ask({ origin: pair.origin(0) }, all[0])).status, 200)
    })
  )
}

/** Of both servers, the tokens of conversations and those that were computed. */
async function tokens(pair) {
  const sums = { all: 0, computed: 0 }
  for (const i of [0, 1]) {
    const { text } = await send(pair.origin(i), '/metrics')
    const value = (name) => Number(new RegExp(`^armorm_batch_${name}_sum (\\S+)$`, 'm').exec(text)[1])
    sums.all += value('tokens')
    sums.computed += value('distinct_tokens')
  }
  return sums
}

/** With the built-in model itself. */
export async function scoresRightly(pair) {
  const wave = (proxy, seed) =>
    samples({ prompts: 6, perPrompt: 8, promptWords: 60, responseWords: 12, seed }).map(async (sample) => ({
      sample,
      reply: await ask(proxy, sample, {})
    }))
  const computed = async (proxy, seed) => {
    const before = await tokens(pair)
    const answers = await Promise.all(wave(proxy, seed))
    const after = await tokens(pair)
    await allRight(pair.origin(0), answers)
    return Math.round((100 * (after.computed - before.computed)) / (after.all - before.all))
  }
  const byTurns = (ports) => nginx.start(ports, [nginx.byTurns])
  await check('nginx, the built-in model: by prompt less is computed than by turns', async () => {
    const shares = []
    await behind(pair, byTurns, async (proxy) => shares.push(await computed(proxy, 7)))
    await behind(pair, nginx.start, async (proxy) => shares.push(await computed(proxy, 8)))
    console.log(`# computed of the tokens asked for: ${shares[1]} % by prompt, ${shares[0]} % by turns`)
    assert.ok(shares[1] < shares[0])
  })
  await check('nginx, the built-in model: one is killed with requests under way, and the scores are right', () =>
    behind(pair, nginx.start, async (proxy) => {
      const answers = wave(proxy, 10)
      await Promise.race(answers)
      await pair.kill(0, 'SIGKILL')
      await allRight(pair.origin(1), await Promise.all(answers))
    })
  )
}
