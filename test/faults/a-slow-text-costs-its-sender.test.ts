import t from 'tap'
import { TokenizerPool } from '../../src/text/pool.js'
import { fakeApp } from '../http/helpers.js'
import { SMOLLM2_FOLDER, SMOLLM2_LIMITS } from '../text/support.js'

t.test('a megabyte of two letters is refused at its deadline; texts beside it are scored', async (t) => {
  const tokenizer = await TokenizerPool.create({
    ...SMOLLM2_LIMITS,
    folder: SMOLLM2_FOLDER,
    hasTokenizer: true,
    threads: 1,
    deadlineMs: 500
  })
  t.teardown(() => tokenizer.close())
  const app = await fakeApp(t, { tokenizer, limits: { bodyLimit: 1 << 24 } })
  const reward = (prompt: string) =>
    app.inject({
      method: 'POST',
      url: '/score',
      payload: { inputs: [{ prompt, response: 'b' }], truncation: 'prompt_left' }
    })
  // One worker alone, which the slow text holds first.
  const [slow, ...others] = await Promise.all([
    reward('ab'.repeat(1 << 20)),
    ...Array.from({ length: 8 }, (_, i) => reward(`question ${i}`))
  ])
  t.equal(slow.statusCode, 422)
  t.match(slow.json(), { error: { code: 'text_too_large' } })
  for (const other of others) t.equal(other.statusCode, 200, other.body)
  const refused = await app.inject({
    method: 'POST',
    url: '/score',
    payload: { inputs: [{ text: 'ab'.repeat(1 << 20) }] }
  })
  t.match(refused.json(), { error: { code: 'text_too_large' } }, 'and is not tried at all where nothing may be cut')
})
