import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { backboneTensors } from '../../../src/checkpoint/tensors.js'
import { readConfig } from '../../../src/checkpoint/config.js'
import { SafetensorsReader } from '../../../src/checkpoint/safetensors.js'
import { float32Source, writeShards } from '../../../src/checkpoint/write-safetensors.js'
import { StateEngine } from '../../../src/engine/supervisor.js'
import { openBackbone } from '../../../src/train/embed/backbone.js'
import { checkpointFolder, expectedCases, worstDifference } from '../../support/checkpoints.js'
import { DEFAULT_MODEL } from '../../support/paths.js'
import { sequence } from '../../support/engines.js'

const HIDDEN = 32

t.test("a classifier's checkpoint gives the states of its backbone, and is exported once", async (t) => {
  const folder = t.testdir()
  const source = checkpointFolder('armorm-tiny')
  // As a LlamaForSequenceClassification has them: other heads, none of a reward model's.
  const plain = join(folder, 'classifier')
  cpSync(source, plain, { recursive: true, filter: (path) => !/safetensors|expected/.test(path) })
  for (const name of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']) {
    cpSync(join(DEFAULT_MODEL, name), join(plain, name))
  }
  const json = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8')) as Record<string, unknown>
  const heads = Object.keys(json).filter((key) => key.startsWith('gating_') || key === 'num_objectives')
  for (const key of heads) delete json[key]
  writeFileSync(
    join(plain, 'config.json'),
    JSON.stringify({ ...json, architectures: ['LlamaForSequenceClassification'] })
  )
  const reader = await SafetensorsReader.open(source)
  t.teardown(() => reader.close())
  const tensors = [float32Source('score.weight', { shape: [1, HIDDEN], values: new Float32Array(HIDDEN).fill(1) })]
  for (const { name, shape } of backboneTensors(await readConfig(source))) {
    tensors.push(float32Source(name, { shape, values: await reader.readAll(name) }))
  }
  await writeShards(plain, tensors, 1e9)

  const lines: string[] = []
  const log = { line: (text: string) => void lines.push(text), progress: () => undefined }
  const work = join(folder, 'work')
  const { folder: bundle, manifest } = await openBackbone(plain, work, log)
  t.equal(manifest.model.name, 'classifier')
  t.strictSame(readdirSync(work).sort(), ['backbone', 'backbone.json'])
  const again = await openBackbone(plain, work, log)
  t.equal(again.manifest.model.revision, manifest.model.revision)
  t.equal(lines.length, 1, 'told of one export')
  rmSync(join(work, 'backbone'), { recursive: true })
  const stamped: boolean[] = []
  const watching = { ...log, progress: () => void stamped.push(existsSync(join(work, 'backbone.json'))) }
  t.equal((await openBackbone(plain, work, watching)).manifest.model.revision, manifest.model.revision, 'made again')
  t.strictSame([...new Set(stamped)], [false], 'nothing says whose the bundle is before it is whole')

  const engine = new StateEngine({ folder: bundle, provider: 'cpu', threads: 1, exactTokens: [], hidden: HIDDEN })
  t.teardown(() => engine.close())
  await engine.load()
  const weight = await reader.readAll('regression_layer.weight')
  const [{ input_ids, gate_index, rewards }] = expectedCases('armorm-tiny') as [
    ReturnType<typeof expectedCases>[number]
  ]
  const { responseStates } = await engine.run([sequence(input_ids, gate_index)])
  const ratings = rewards.map((_, k) => responseStates.reduce((sum, x, i) => sum + x * weight[k * HIDDEN + i]!, 0))
  t.ok(worstDifference(ratings, rewards) < 1e-4)
})
