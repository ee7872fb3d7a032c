/**
 * Peer: a plain onnxruntime-node server. Every request runs alone, one after another, in the process that answers HTTP.
 *
 *     POST / {"messages": [...]} -> {"score": n}
 */
import { createServer, type IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { loadBundle } from '../../src/bundle/load.js'
import { RewardSession } from '../../src/engine/session.js'
import type { Message } from '../../src/text/conversation.js'
import { TextModel } from '../../src/text/text-model.js'

const { values } = parseArgs({
  options: { model: { type: 'string' }, threads: { type: 'string' }, port: { type: 'string' } }
})
const { folder, manifest } = await loadBundle(values.model ?? 'models/default')
const text = await TextModel.load(folder, {
  maxTokens: manifest.max_tokens,
  vocabSize: manifest.backbone.vocab_size,
  gatePattern: manifest.gate.pattern
})
const session = await RewardSession.open({
  folder,
  provider: 'cpu',
  threads: Number(values.threads ?? 1),
  exactTokens: []
})

async function score(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { messages } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { messages: Message[] }
  const outputs = await session.run([text.encode({ kind: 'messages', messages }, 'none')])
  return outputs.score[0]!
}

const server = createServer((request, response) => {
  const answer = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  if (request.method === 'GET') return answer(200, {})
  score(request).then(
    (value) => answer(200, { score: value }),
    (error: unknown) => answer(500, { error: String(error) })
  )
})
server.listen(Number(values.port ?? 0), '127.0.0.1', 1024)
process.on('SIGTERM', () => process.exit(0))
