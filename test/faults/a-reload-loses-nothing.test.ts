/** The real server, two bundles that take turns behind one link, and clients that never stop asking. */
import { rmSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { exportBundle } from '../../src/export/export-bundle.js'
import { readManifest } from '../support/bundles.js'
import { checkpointFolder } from '../support/checkpoints.js'
import { childrenOf, type Reply, type Server, startServer } from '../support/server.js'
import { until } from '../support/until.js'

interface Scored {
  readonly model: { readonly revision: string }
  readonly results: readonly { readonly score: number; readonly explain_id: string }[]
}

/** Largest difference of a score between batches. */
const NEIGHBOURS = 1e-6
const CLIENTS = 6

/** Token ids that both vocabularies have, the gate's pattern 1, 2 among them. */
const [conversations = []] = fc.sample(
  fc.array(
    fc
      .tuple(
        fc.array(fc.integer({ min: 3, max: 40 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 3, max: 40 })
      )
      .map(([ids, last]) => [...ids, 1, 2, last]),
    { minLength: 40, maxLength: 40 }
  ),
  { numRuns: 1, seed: 6 }
)

const root = t.testdir()
const link = join(root, 'served')

async function bundle(name: 'biases' | 'one-objective'): Promise<{ folder: string; revision: string }> {
  const folder = join(root, name)
  await exportBundle({ checkpoint: checkpointFolder(name), out: folder, precision: 'fp32', gatePattern: [1, 2] })
  return { folder, revision: readManifest(folder).model.revision }
}

/** Has the link lead to another bundle. */
function serve(folder: string): void {
  rmSync(link, { force: true })
  symlinkSync(folder, link)
}

const [three, one] = [await bundle('biases'), await bundle('one-objective')]
const other = ({ folder }: { folder: string }) => (folder === three.folder ? one : three)

/** What each model gives to each conversation, by its revision. */
const expected = new Map<string, readonly number[]>()

function post(server: Server, asked: readonly number[]): Promise<Reply> {
  return server.post('/score', { inputs: asked.map((i) => ({ input_ids: conversations[i] })) })
}

async function learn(t: Test, server: Server, revision: string): Promise<Scored> {
  const all = (await post(server, [...conversations.keys()])).json<Scored>()
  t.equal(all.model.revision, revision)
  expected.set(
    revision,
    all.results.map(({ score }) => score)
  )
  return all
}

serve(three.folder)
// Nothing is remembered, so that every answer is computed; batches are small, so that there is always work that waits.
const options = ['--admin-reload', 'on', '--cache-bytes', '0', '--max-batch-sequences', '2']
const server = await startServer(t, ['--model', link, ...options])

t.test('a request is answered by one of the two models altogether, and says by which; none fails', async (t) => {
  let explained = await learn(t, server, three.revision)
  serve(one.folder)
  const reply = await server.post('/admin/reload', {})
  t.match(reply, { status: 200 })
  t.match(reply.json(), { previous: { revision: three.revision }, model: { revision: one.revision }, ms: Number })
  await learn(t, server, one.revision)
  const [ofThree = [], ofOne = []] = [three, one].map(({ revision }) => expected.get(revision))
  t.ok(
    ofThree.every((score, i) => Math.abs(score - ofOne[i]!) > 100 * NEIGHBOURS),
    'the models differ in all'
  )
  explained = { ...explained, results: explained.results.slice(0, 1) }
  const explanation = (await server.get(`/explain/${explained.results[0]!.explain_id}`)).json<{
    model: { revision: string }
    score: number
    objectives: unknown[]
  }>()
  t.match(explanation, { model: { revision: three.revision }, score: explained.results[0]!.score })
  t.ok((await server.metric('armorm_objective_reward_count{objective="objective_0"}')) > 0)
  t.equal(explanation.objectives.length, 3, 'an explanation is that of the model that gave the reward')

  let asking = true
  const answered = new Map<string, number>()
  const wrong: unknown[] = []
  const client = async (seed: number): Promise<void> => {
    const [picks = []] = fc.sample(
      fc.array(fc.array(fc.nat(conversations.length - 1), { minLength: 1, maxLength: 12 }), {
        minLength: 50,
        maxLength: 50
      }),
      { numRuns: 1, seed }
    )
    for (let i = 0; asking; i = (i + 1) % picks.length) {
      const asked = picks[i]!
      const reply = await post(server, asked)
      if (reply.status !== 200) {
        wrong.push(reply)
        continue
      }
      const { model, results } = reply.json<Scored>()
      const scores = expected.get(model.revision) ?? []
      answered.set(model.revision, (answered.get(model.revision) ?? 0) + 1)
      for (const [k, { score }] of results.entries()) {
        const wanted = scores[asked[k]!] ?? NaN
        if (!(Math.abs(score - wanted) <= NEIGHBOURS)) wrong.push({ revision: model.revision, score, wanted })
      }
    }
  }
  const clients = Array.from({ length: CLIENTS }, (_, seed) => client(seed))
  // The model before ends when its last request is answered; until then there is no room for a third.
  const ways = [
    () => until(async () => (await server.post('/admin/reload', {})).status === 200),
    async () => void process.kill(server.pid, 'SIGHUP')
  ]
  let serving = one
  for (const reload of ways) {
    serving = other(serving)
    await until(() => childrenOf(server.pid).length === 1)
    const before = answered.get(serving.revision) ?? 0
    serve(serving.folder)
    await reload()
    await until(() => (answered.get(serving.revision) ?? 0) > before + CLIENTS)
  }
  asking = false
  await Promise.all(clients)
  t.strictSame(wrong, [])
  t.comment(`answered: ${JSON.stringify([...answered.values()])}`)
  t.equal(await server.metric('armorm_reloads_total{outcome="ok"}'), 1 + ways.length)
  t.equal(
    await server.metric(
      `armorm_model_info{model="one-objective",revision="${one.revision}",dtype="fp32",provider="cpu"}`
    ),
    1
  )
  const info = (await server.get('/metrics')).text.split('\n').filter((line) => line.startsWith('armorm_model_info{'))
  t.equal(info.length, 1, 'the model in service, and no other')
  t.ok((await server.metric('armorm_objective_reward_count{objective="objective_0"}')) > 0)
  t.equal(await server.metric('armorm_objective_reward_count{objective="objective_1"}'), 0, 'rewards begin anew')
  t.match((await server.get('/v1/models')).json(), { data: [{ revision: serving.revision }] })
  await until(() => childrenOf(server.pid).length === 1)
})

t.test('a contract names the model in a header', async (t) => {
  const reply = await fetch(`${server.origin}/get_reward`, {
    method: 'POST',
    body: JSON.stringify({ query: ['not readable'], prompts: [''] })
  })
  await reply.arrayBuffer()
  t.equal(reply.headers.get('x-model-revision'), one.revision)
})

t.test('a bundle that fails leaves the old one in service, and says why', async (t) => {
  const folder = join(root, 'broken')
  await exportBundle({ checkpoint: checkpointFolder('biases'), out: folder, precision: 'fp32', gatePattern: [1, 2] })
  truncateSync(join(folder, 'heads.onnx'), 10)
  serve(folder)
  const reply = await server.post('/admin/reload', {})
  t.equal(reply.status, 500)
  t.match(reply.json(), {
    error: { code: 'reload_failed', message: /heads\.onnx has 10 bytes/, details: { reason: 'bundle_checksum' } }
  })
  t.equal(await server.metric('armorm_reloads_total{outcome="bundle_checksum"}'), 1)
  t.equal((await server.get('/readyz')).status, 200)
  t.match((await post(server, [0])).json(), { model: { revision: one.revision } })
  t.equal(childrenOf(server.pid).length, 1)
})

t.test('the engine of the model in service starts again from its own bundle, wherever the link leads', async (t) => {
  serve(three.folder)
  process.kill(childrenOf(server.pid)[0]!, 'SIGKILL')
  await until(async () => (await server.metric('armorm_engine_restarts')) === 1)
  const { model, results } = (await post(server, [0, 1])).json<Scored>()
  t.equal(model.revision, one.revision)
  for (const [i, { score }] of results.entries()) {
    t.ok(Math.abs(score - expected.get(one.revision)![i]!) <= NEIGHBOURS)
  }
  // The reload before may still be ending.
  await until(async () => (await server.post('/admin/reload', {})).status === 200)
  await until(() => childrenOf(server.pid).length === 1)
  t.equal(await server.metric('armorm_engine_restarts'), 1, 'a reload takes no restart back')
})

t.test('replies say what the model before has still to do, too', async (t) => {
  serve(three.folder)
  const slow = await startServer(t, ['--model', link, ...options, '--run-timeout', '60000'])
  const [engine] = childrenOf(slow.pid)
  const outstanding = async () => {
    const reply = await fetch(`${slow.origin}/score`, { method: 'POST', body: 'no JSON' })
    await reply.arrayBuffer()
    return Number(reply.headers.get('x-outstanding-tokens'))
  }
  process.kill(engine!, 'SIGSTOP')
  const asked = post(slow, [1, 2, 3])
  const tokens = [1, 2, 3].reduce((sum, i) => sum + conversations[i]!.length, 0)
  await until(async () => (await outstanding()) === tokens)
  t.match(await slow.post('/admin/reload', {}), { status: 200 })
  t.equal(await outstanding(), tokens)
  process.kill(engine!, 'SIGCONT')
  t.match((await asked).json(), { model: { revision: three.revision } })
  await until(async () => (await outstanding()) === 0)
})
