import t from 'tap'
import { fakeApp } from '../helpers.js'
import { always, assistant, failing, metricLines, post, recorder, user } from './support.js'

const URL = '/xtuner'

t.test("the judger's request: an object with `score`", async (t) => {
  const app = await fakeApp(t, { rater: always(0.1169), contracts: { scale: 10, offset: 1, extras: [0] } })
  const reply = await post(app, URL, { response: '4', label: { prompt: 'How much is 2+2?' }, extra_info: {} })
  t.equal(reply.statusCode, 200)
  t.strictSame(reply.json(), { helpfulness: 0.75, score: 2.169, raw_score: 0.1169, calibrated: 0.529191764 })
  t.strictSame(await metricLines(app, 'samples_total'), ['armorm_samples_total{protocol="xtuner",outcome="ok"} 1'])
})

t.test('the prompt comes as ground truth, or else in extra_info', async (t) => {
  const { tokenizer, seen } = recorder()
  const app = await fakeApp(t, { tokenizer })
  const bodies = [
    { label: { prompt: 'q', style: 'model' }, extra_info: { prompt: 'another' } },
    { label: { prompt: [user('q')] } },
    { label: [user('q')], extra_info: {} },
    { label: '42', extra_info: { prompt: 'q' } }
  ]
  for (const body of bodies) {
    t.equal((await post(app, URL, { response: 'a<|im_end|>', ...body })).statusCode, 200)
  }
  t.strictSame(
    seen,
    bodies.map(() => ({ kind: 'messages', messages: [user('q'), assistant('a')] }))
  )
})

t.test('without a prompt there is no score to guess at', async (t) => {
  const app = await fakeApp(t)
  for (const label of ['42', null, 42, {}, { prompt: 7 }, [{ content: 'a' }], ['a']]) {
    const reply = await post(app, URL, { response: '4', label, extra_info: {} })
    t.equal(reply.statusCode, 400)
    t.match(reply.json(), { error: { code: 'invalid_request', message: /no prompt.*ground truth/ } })
  }
  for (const body of [{}, { label: { prompt: 'q' } }, { response: 7, label: { prompt: 'q' } }, '{']) {
    t.equal((await post(app, URL, body)).statusCode, 400)
  }
})

t.test('what cannot be scored has the number that stands in', async (t) => {
  const { tokenizer } = recorder()
  const app = await fakeApp(t, { tokenizer, contracts: { failedScore: -2 } })
  const reply = await post(app, URL, { response: 'too_long', label: { prompt: 'q' } })
  t.match(reply.json(), { score: -2, error: { code: 'too_long' } })
  const failed = await post(await fakeApp(t, failing('shutting_down')), URL, { response: 'a', label: { prompt: 'q' } })
  t.equal(failed.statusCode, 503)
})
