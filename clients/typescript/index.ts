/** Typed client of armorm-server: openapi-fetch with the paths of the server's OpenAPI document. */
import createClient, { type Client, type ClientOptions, type Middleware } from 'openapi-fetch'
import type { components, paths } from './schema.js'

export type { components, paths } from './schema.js'

type Input = components['schemas']['Input']
type Prompt = components['schemas']['ResponseInput']['prompt']

const AFFINITY_HEADER = 'x-affinity-key'

/**
 * A client of the server at a base URL, e.g. `http://127.0.0.1:8080`. Its methods take a path of the server and check
 * body and reply against it when they are compiled; they give `{data, error, response}` and throw only when there is no
 * reply. A request to `POST /score` of which all inputs answer one prompt names it in the header `x-affinity-key`, unless
 * that is set already.
 */
export function createArmormClient(baseUrl: string, options: Omit<ClientOptions, 'baseUrl'> = {}): Client<paths> {
  const client = createClient<paths>({ ...options, baseUrl })
  client.use(affinity)
  return client
}

/**
 * A key for the header `x-affinity-key`: requests that have the same are sent to the same server by a load balancer that
 * is set up so. For routes other than `POST /score`, where it is set without being asked for.
 * @returns 32 hexadecimal digits; undefined on web pages without HTTPS, where browsers have no digests
 */
export async function affinityKey(prompt: Prompt): Promise<string | undefined> {
  const text = JSON.stringify(messagesOf(prompt).map(({ role, content }) => [role, content]))
  const digest = await globalThis.crypto.subtle?.digest('SHA-256', new TextEncoder().encode(text))
  if (!digest) return undefined
  const bytes = [...new Uint8Array(digest, 0, 16)]
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

const affinity: Middleware = {
  async onRequest({ request, schemaPath }) {
    if (schemaPath !== '/score' || request.headers.has(AFFINITY_HEADER)) return
    // What is no request of this route is for the server to refuse.
    const key = await keyOf(request.clone()).catch(() => undefined)
    if (key) request.headers.set(AFFINITY_HEADER, key)
  }
}

async function keyOf(request: Request): Promise<string | undefined> {
  const prompt = commonPrompt((await request.json()) as { inputs?: readonly Input[] })
  return prompt && affinityKey(prompt)
}

/** The prompt that all inputs answer; undefined where there are several, or one is not known. */
function commonPrompt({ inputs = [] }: { inputs?: readonly Input[] }): Prompt | undefined {
  const prompts = inputs.map((input) => {
    if ('messages' in input) return input.messages.slice(0, -1)
    if ('prompt' in input) return messagesOf(input.prompt)
    return undefined
  })
  const texts = new Set(prompts.map((prompt) => JSON.stringify(prompt)))
  return texts.size === 1 ? prompts[0] : undefined
}

function messagesOf(prompt: Prompt): Exclude<Prompt, string> {
  return typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt
}
