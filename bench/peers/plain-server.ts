/**
 * Peer: a plain onnxruntime-node server. Every request runs alone, one after another, in the process that answers HTTP.
 *
 *     POST / {"messages": [...]} -> {"score": n}
 *
 * `--backbone` names the graph of export_onnx.py; without it the bundle's own backbone runs.
 */
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-node'
import { HEADS_FILE } from '../../src/bundle/files.js'
import { loadBundle } from '../../src/bundle/load.js'
import type { EngineSequence } from '../../src/engine/contract.js'
import { RewardSession } from '../../src/engine/session.js'
import type { Message } from '../../src/text/conversation.js'
import { TextModel } from '../../src/text/text-model.js'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    backbone: { type: 'string' },
    threads: { type: 'string' },
    port: { type: 'string' }
  }
})
const threads = Number(values.threads ?? 1)
const { folder, manifest } = await loadBundle(values.model ?? 'models/default')
const text = await TextModel.load(folder, {
  maxTokens: manifest.max_tokens,
  vocabSize: manifest.backbone.vocab_size,
  gatePattern: manifest.gate.pattern
})
const run = values.backbone === undefined ? await ownExport() : await plainExport(values.backbone)

/** The bundle's backbone, one conversation a batch. */
async function ownExport(): Promise<(sequence: EngineSequence) => Promise<number>> {
  const session = await RewardSession.open({ folder, provider: 'cpu', threads, exactTokens: [] })
  return async (sequence) => (await session.run([sequence])).score[0]!
}

/** A graph from `input_ids` [1, L] to `states` [1, L, hidden], in a session as it comes. */
async function plainExport(path: string): Promise<(sequence: EngineSequence) => Promise<number>> {
  const backbone = await ort.InferenceSession.create(path, { intraOpNumThreads: threads })
  const heads = await ort.InferenceSession.create(join(folder, HEADS_FILE), { intraOpNumThreads: threads })
  const hidden = manifest.backbone.hidden_size
  return async ({ ids, gateIndex }) => {
    const inputIds = new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length])
    const { states } = await backbone.run({ input_ids: inputIds })
    const stateAt = (i: number) =>
      new ort.Tensor('float32', (states!.data as Float32Array).subarray(i * hidden, (i + 1) * hidden), [1, hidden])
    const { score } = await heads.run({ response_states: stateAt(ids.length - 1), prompt_states: stateAt(gateIndex) })
    return (score!.data as Float32Array)[0]!
  }
}

async function score(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { messages } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { messages: Message[] }
  return run(text.encode({ kind: 'messages', messages }, 'none'))
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
