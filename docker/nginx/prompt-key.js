/**
 * For nginx's njs (0.7.9 and newer): the prompt that a request's conversations answer, as the key by which nginx chooses
 * the server. Trainers send each sample by itself and no header that says which belong together; their bodies do.
 * Nothing but the choice of a server depends on it: a prompt that is not found, or a wrong one, costs time alone.
 */

/** Where answers begin in rendered text: chatml, llama3, gemma, mistral and llama2, zephyr and phi3, deepseek. */
const HEADERS = [
  '<|im_start|>assistant',
  '<|start_header_id|>assistant',
  '<start_of_turn>model',
  '[/INST]',
  '<|assistant|>',
  '<｜Assistant｜>'
]

/** Rendered text up to the last answer; '' where none is found. */
function before(text) {
  const end = HEADERS.reduce((last, header) => Math.max(last, text.lastIndexOf(header)), -1)
  return text.slice(0, Math.max(0, end))
}

/** What all items have in common; '' where they differ. */
function common(items, promptOf) {
  const prompts = items.map(promptOf)
  return prompts.length > 0 && prompts.every((prompt) => prompt === prompts[0]) ? prompts[0] : ''
}

/** The prompt of a text, or of several. */
function ofTexts(value) {
  if (Array.isArray(value)) return common(value, ofTexts)
  return typeof value === 'string' ? before(value) : ''
}

/** The prompt of a body of any contract, or of one of its inputs, as a text; '' where there are several, or none is found. */
function promptOf(body) {
  if (body === null || typeof body !== 'object') return ''
  const inputs = body.inputs
  if (Array.isArray(inputs) && typeof inputs[0] === 'object') return common(inputs, promptOf)
  if (body.prompts && body.prompts.length > 0) return common([].concat(body.prompts), JSON.stringify)
  if (body.prompt) return JSON.stringify(body.prompt)
  // NeMo-Gym's.
  if (body.responses_create_params) return JSON.stringify(body.responses_create_params.input || '')
  const messages = body.messages
  if (Array.isArray(messages) && typeof messages[0] === 'object') return JSON.stringify(messages.slice(0, -1))
  return ofTexts(messages || body.query || body.text || body.input || inputs)
}

/** The client's own key, else the prompt; '' for a body that is no JSON, or larger than nginx keeps in memory. */
function key(r) {
  const given = r.headersIn['x-affinity-key']
  if (given) return given
  try {
    const prompt = promptOf(JSON.parse(r.variables.request_body))
    // No messages before the answer, or an empty text, are no prompt that answers have in common.
    return prompt === '[]' || prompt === '""' ? '' : prompt
  } catch (_) {
    return ''
  }
}

function route(r) {
  r.internalRedirect(r.variables.armorm_key === '' ? '@least_connections' : '@by_prompt')
}

export default { key, route }
