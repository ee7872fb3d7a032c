/** Requests of random shapes, good and bad, the same for the same seed. */
import type { Random } from '../../src/random.js'
import type { RawGroup } from '../loads.js'

export interface SoakRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Bytes as they are sent. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The client hangs up instead of waiting. */
  readonly abandoned?: boolean
  /** Statuses of which it is answered by one. */
  readonly statuses: readonly number[]
}

export interface TrafficOptions {
  readonly random: Random
  readonly groups: readonly RawGroup[]
  /** Token ids that close a prompt. */
  readonly gate: readonly number[]
  /** Characters of a conversation's part at most. */
  readonly longest: number
  /** Conversations of a request at most. */
  readonly most: number
}

/** Share of the requests that abandon their reply. */
const ABANDONED = 0.03

/** @returns what makes the next request; `explainIds` are those that replies gave out */
export function traffic({
  random,
  groups,
  gate,
  longest,
  most
}: TrafficOptions): (explainIds: string[]) => SoakRequest {
  const whole = (below: number): number => Math.floor(random() * below)
  const pick = <T>(values: readonly T[]): T => values[whole(values.length)]!
  /** Evenly over orders of magnitude: most are short, some long. */
  const log = (largest: number): number => Math.floor(Math.exp(random() * Math.log(largest + 1)))
  const text = (): string => {
    const size = log(longest)
    let words = pick(pick(groups).responses)
    while (words.length < size) words += ` ${pick(pick(groups).responses)}`
    const from = whole(words.length - size + 1)
    // Nothing is asked twice, unless it is meant to be.
    return `${words.slice(from, from + size)} ${Math.floor(random() * 1e9)}`
  }
  const messages = () => {
    const turns = 1 + whole(3)
    const system = random() < 0.2 ? [{ role: 'system', content: text() }] : []
    const pairs = Array.from({ length: turns }, () => [
      { role: 'user', content: text() },
      { role: 'assistant', content: text() }
    ])
    return [...system, ...pairs.flat()]
  }
  const ids = () => [...Array.from({ length: 1 + log(longest / 4) }, () => 3 + whole(200)), ...gate, 5]
  const repeated = { messages: [...groups[0]!.prompt, { role: 'assistant', content: groups[0]!.responses[0]! }] }
  const input = (): unknown => {
    const kind = random()
    if (kind < 0.45) return { messages: messages() }
    if (kind < 0.65) return { prompt: text(), response: text() }
    if (kind < 0.8) return { prompt: text(), responses: Array.from({ length: 1 + whole(8) }, text) }
    if (kind < 0.87) return { input_ids: ids() }
    if (kind < 0.95) return repeated
    // Not to be scored: an unknown form, no answer, ids that the model has not.
    return pick<unknown>([{ nothing: 1 }, { messages: [{ role: 'user', content: text() }] }, { input_ids: [1e9] }])
  }
  const json = (path: string, body: unknown, statuses: readonly number[], headers = {}): SoakRequest => ({
    method: 'POST',
    path,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
    statuses
  })
  const score = (): SoakRequest => {
    const inputs = Array.from({ length: 1 + log(most - 1) }, input)
    const body = {
      inputs,
      truncation: 'prompt_left',
      on_error: random() < 0.8 ? 'item' : 'request',
      ...(random() < 0.5 && { return: pick([[], ['ratings'], ['gating', 'explain_id'], ['usage', 'timing']]) })
    }
    // Refused at once where others wait, else out of time.
    if (random() < 0.05) return json('/score', body, [200, 400, 413, 422, 429, 504], { 'x-request-timeout-ms': '1' })
    return json('/score', body, [200, 400, 413, 422])
  }
  const contract = (): SoakRequest => {
    const rendered = () => `<|im_start|>user\n${text()}<|im_end|>\n<|im_start|>assistant\n${text()}<|im_end|>\n`
    const texts = Array.from({ length: 1 + log(most - 1) }, rendered)
    return pick([
      () => json('/get_reward', { query: texts, prompts: texts.map(() => '') }, [200]),
      () => json('/v1/score/evaluation', { model: 'm', messages: texts }, [200]),
      () => json('/classify', { input: texts }, [200]),
      () => json('/predict', { inputs: texts.map((each) => [each]) }, [200]),
      () => json('/rerank', { query: text(), texts }, [200])
    ])()
  }
  const odd = (): SoakRequest =>
    pick<() => SoakRequest>([
      () => ({ method: 'POST', path: '/score', body: `{"inputs": [{"text": "${text().slice(0, 20)}`, statuses: [400] }),
      () => json('/score', { inputs: 'none' }, [400]),
      () => json('/score', { inputs: Array.from({ length: 65 }, () => ({ text: '' })) }, [413]),
      () => ({ method: 'GET', path: `/nothing/${whole(1e9)}`, statuses: [404] }),
      () => ({ method: 'GET', path: '/score', statuses: [405] }),
      () => ({ method: 'GET', path: `/explain/${whole(1e9)}`, statuses: [404] }),
      () => ({ method: 'POST', path: '/score', body: 'x', headers: { 'content-type': 'a/b' }, statuses: [415] })
    ])()
  const any = (explainIds: string[]): SoakRequest => {
    const kind = random()
    if (kind < 0.6) return score()
    if (kind < 0.75) return contract()
    if (kind < 0.82) return json('/explain', { messages: messages(), truncation: 'prompt_left' }, [200, 422])
    if (kind < 0.9 && explainIds.length > 0) {
      return { method: 'GET', path: `/explain/${pick(explainIds)}`, statuses: [200, 404] }
    }
    if (kind < 0.95) return odd()
    return { method: 'GET', path: pick(['/readyz', '/health', '/v1/models', '/metrics']), statuses: [200] }
  }
  return (explainIds) => {
    const request = any(explainIds)
    return random() < ABANDONED ? { ...request, abandoned: true } : request
  }
}
