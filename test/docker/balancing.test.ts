/** docker/nginx and docker/envoy: which prompt is read from a body, and limits that are the server's own. */
import t from 'tap'
import { parse } from 'yaml'
import { optionSchema } from '../../src/config/schema.js'
import { read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

interface NginxRequest {
  readonly headersIn: Readonly<Record<string, string>>
  readonly variables: { readonly request_body?: string }
}

const { default: prompt } = (await import(`${ROOT}docker/nginx/prompt-key.js`)) as {
  default: { key: (request: NginxRequest) => string }
}
const keyOf = (body: unknown) => prompt.key({ headersIn: {}, variables: { request_body: JSON.stringify(body) } })
const user = (content: string) => ({ role: 'user', content })
const turns = (content: string, answer: string) => [user(content), { role: 'assistant', content: answer }]
const chatml = (content: string, answer: string) =>
  `<|im_start|>user\n${content}<|im_end|>\n<|im_start|>assistant\n${answer}<|im_end|>`

/** Bodies with a prompt and an answer. */
const forms: Readonly<Record<string, (content: string, answer: string) => unknown>> = {
  '/score': (content, answer) => ({ inputs: [{ prompt: content, response: answer }] }),
  '/score, messages': (content, answer) => ({ inputs: [{ messages: turns(content, answer), id: answer }] }),
  '/get_reward': (content, answer) => ({ query: [chatml(content, answer)], prompts: [content], labels: [answer] }),
  '/get_reward without prompts': (content, answer) => ({ query: chatml(content, answer) }),
  '/get_reward with no prompt': (content, answer) => ({ query: [chatml(content, answer)], prompts: [] }),
  '/v1/score/evaluation': (content, answer) => ({ model: answer, messages: [chatml(content, answer)] }),
  '/classify of vLLM': (content, answer) => ({ input: [chatml(content, answer)] }),
  '/classify of SGLang': (content, answer) => ({ text: chatml(content, answer) }),
  '/slime': (content, answer) => ({ prompt: content, response: answer, label: null }),
  '/slime, messages': (content, answer) => ({ prompt: [user(content)], response: answer }),
  '/verify': (content, answer) => ({ responses_create_params: { input: [user(content)] }, response: { id: answer } }),
  '/v1/chat/completions': (content, answer) => ({ model: 'a', messages: turns(content, answer) }),
  '/predict': (content, answer) => ({ inputs: chatml(content, answer) })
}

t.test('bodies with one prompt have one key, whatever the answer; another prompt has another', async (t) => {
  for (const [name, form] of Object.entries(forms)) {
    t.not(keyOf(form('2+2?', '4')), '', name)
    t.equal(keyOf(form('2+2?', '4')), keyOf(form('2+2?', 'Five, I think.')), name)
    t.not(keyOf(form('2+2?', '4')), keyOf(form('2+3?', '4')), name)
  }
})

t.test('a key is of one prompt alone', async (t) => {
  const input = (content: string) => ({ prompt: content, response: 'x' })
  t.equal(keyOf({ inputs: [input('a'), input('a')] }), keyOf({ inputs: [input('a')] }))
  for (const body of [
    { inputs: [input('a'), input('b')] },
    { query: [chatml('a', 'x'), chatml('b', 'x')] },
    { query: ['no markup'], prompts: [] },
    { inputs: [] },
    { inputs: [{ input_ids: [1, 2] }] },
    { messages: [] },
    { messages: [user('an answer alone')] },
    { prompts: [''], query: ['x'] },
    [],
    null,
    7
  ]) {
    t.equal(keyOf(body), '', JSON.stringify(body))
  }
  t.equal(prompt.key({ headersIn: {}, variables: {} }), '', 'a body that is not in memory')
  t.equal(prompt.key({ headersIn: {}, variables: { request_body: '\x1f\x8b' } }), '', 'a compressed one')
})

t.test("the client's own key goes before the body's", async (t) => {
  const variables = { request_body: JSON.stringify({ prompt: 'a' }) }
  t.equal(prompt.key({ headersIn: { 'x-affinity-key': 'mine' }, variables }), 'mine')
})

t.test('both take bodies as large as the server does, and ask where it listens', async (t) => {
  const limit = Number(optionSchema('bodyLimit').default)
  const port = Number(optionSchema('port').default)
  t.match(read('docker/nginx/nginx.conf'), `client_max_body_size ${limit / 1024 / 1024}m;`)
  t.match(read('docker/nginx/replicas.conf'), `server server-a:${port} `)
  const envoy = read('docker/envoy/envoy.yaml')
  t.match(envoy, `per_connection_buffer_limit_bytes: ${limit}\n`)
  t.match(envoy, `max_request_bytes: ${limit}\n`)
  t.match(envoy, `{ address: armorm, port_value: ${port} }`)
  t.type(parse(envoy), 'object')
})
