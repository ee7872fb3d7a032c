/** What GRPO trainers send: the samples of a prompt, each by itself. */
import { Agent, request } from 'node:http'

const agent = new Agent({ keepAlive: true, maxSockets: Infinity })

/** Posts a body, as JSON or the text that it is; without one gets. A connection that fails has status 0. */
export function send(origin, path, body, headers = {}) {
  const bytes = body === undefined ? undefined : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return new Promise((resolve) => {
    const failed = (error) => resolve({ status: 0, headers: {}, text: error.message })
    const sent = request(
      origin + path,
      {
        method: bytes ? 'POST' : 'GET',
        agent,
        headers: { ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }), ...headers }
      },
      (reply) => {
        const chunks = []
        reply.on('data', (chunk) => chunks.push(chunk)).on('error', failed)
        reply.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: reply.statusCode, headers: reply.headers, text, json: () => JSON.parse(text) })
        })
      }
    )
    sent.on('error', failed).end(bytes)
  })
}

const WORDS = 'the of a in is it was that for on are with as be at this from have or by one had not but what'.split(' ')

/** Pseudorandom text of so many words, about a token each: another one for each seed. */
export function words(count, seed) {
  let state = (seed * 2654435761 + 12345) >>> 0
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return WORDS[state >>> 27] ?? `${state >>> 20}`
  }).join(' ')
}

/**
 * Samples of prompts, in the order in which policies finish them: none.
 * @returns `{prompt, response, group}` each, `group` the number of its prompt
 */
export function samples({ prompts, perPrompt, promptWords, responseWords, seed }) {
  const all = Array.from({ length: prompts * perPrompt }, (_, i) => {
    const group = Math.floor(i / perPrompt)
    return {
      group,
      prompt: words(promptWords, 1000 * seed + group),
      response: words(responseWords, 1000 * (seed + 500) + i)
    }
  })
  // A fixed shuffle: steps of a number that has no divisor in common with theirs.
  let step = Math.ceil(all.length * 0.618)
  while (gcd(step, all.length) > 1) step++
  return all.map((_, i) => all[(i * step) % all.length])
}

const gcd = (a, b) => (b === 0 ? a : gcd(b, a % b))

const chat = (prompt) => `<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`

/** How trainers that send no header of their own write a sample. */
export const FORMS = {
  'POST /get_reward with prompts': ({ prompt, response }) => [
    '/get_reward',
    { query: [`${chat(prompt)}${response}<|im_end|>`], prompts: [chat(prompt)], labels: [''] }
  ],
  'POST /get_reward': ({ prompt, response }) => ['/get_reward', { query: `${chat(prompt)}${response}<|im_end|>` }],
  'POST /classify': ({ prompt, response }) => ['/classify', { input: `${chat(prompt)}${response}<|im_end|>` }],
  'POST /slime': ({ prompt, response }) => ['/slime', { prompt, response, label: '' }],
  'POST /score': ({ prompt, response }) => ['/score', { inputs: [{ prompt, response }] }],
  'POST /v1/chat/completions': ({ prompt, response }) => [
    '/v1/chat/completions',
    {
      model: 'any',
      messages: [
        { role: 'user', content: prompt },
        { role: 'assistant', content: response }
      ]
    }
  ]
}
