import { spawn } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadBundle } from '../../src/bundle/load.js'
import { selfTest } from '../../src/bundle/self-test.js'
import { exportBundle } from '../../src/export/export-bundle.js'
import { type CheckpointName, checkpointFolder } from '../support/checkpoints.js'
import { engineOver } from '../support/engines.js'
import { ARMORM, DEFAULT_MODEL } from '../support/paths.js'

const GATE = [1, 2]

/** A copy of a fixture that the test may change. */
function copyOf(t: Test, name: CheckpointName): string {
  const folder = join(t.testdir({}), 'checkpoint')
  cpSync(checkpointFolder(name), folder, { recursive: true })
  return folder
}

function editConfig(folder: string, change: Record<string, unknown>): void {
  const path = join(folder, 'config.json')
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }))
}

t.test('a bundle is whole and loads; what the checkpoint says is in its manifest', async (t) => {
  const checkpoint = copyOf(t, 'one-objective')
  editConfig(checkpoint, {
    objective_names: ['quality'],
    gating_token_pattern: [5, 6],
    _name_or_path: '/somebody/models/my-model '
  })
  writeFileSync(join(checkpoint, 'LICENSE.txt'), 'the licence')
  writeFileSync(join(checkpoint, 'NOTICE'), 'the notice')
  writeFileSync(join(checkpoint, 'optimizer.pt'), 'no part of a model')
  const out = join(t.testdirName, 'bundle')
  const progress: number[] = []
  await exportBundle({ checkpoint, out, precision: 'fp32', licence: 'mit', onProgress: (done) => progress.push(done) })
  const { manifest } = await loadBundle(out)
  t.match(manifest, {
    model: { name: 'my-model', source: 'my-model', licence: 'mit' },
    objectives: [{ name: 'quality', source_set: null, native_scale: null }],
    gate: { pattern: [5, 6], source: 'config' },
    tokenizer: false
  })
  t.equal(readFileSync(join(out, 'LICENSE.txt'), 'utf8'), 'the licence')
  t.same(Object.keys(manifest.files).sort(), [
    'LICENSE.txt',
    'NOTICE',
    'backbone.onnx',
    'backbone.onnx.data',
    'heads.onnx'
  ])
  t.same(readdirSync(t.testdirName).sort(), ['bundle', 'checkpoint'], 'nothing is left beside it')
  t.equal(progress.at(-1), 1)
  t.same(
    progress,
    [...progress].sort((a, b) => a - b)
  )
})

t.test('the same checkpoint gives the same revision, another precision another one', async (t) => {
  const revision = async (out: string, precision: 'fp32' | 'int8') =>
    (await exportBundle({ checkpoint: checkpointFolder('biases'), out, precision, gatePattern: GATE })).model.revision
  const folder = t.testdir({})
  const first = await revision(join(folder, 'a'), 'fp32')
  t.equal(await revision(join(folder, 'b'), 'fp32'), first)
  t.not(await revision(join(folder, 'c'), 'int8'), first)
  const other = {
    checkpoint: checkpointFolder('biases'),
    out: join(folder, 'd'),
    precision: 'fp32' as const,
    gatePattern: [2, 1]
  }
  t.not((await exportBundle(other)).model.revision, first, 'another gate pattern gives other scores')
})

t.test('the tokenizer goes along, and its template gives the gate pattern', async (t) => {
  const checkpoint = copyOf(t, 'tied-mha-fp16')
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']) {
    cpSync(join(DEFAULT_MODEL, file), join(checkpoint, file))
  }
  // The pattern's ids must lie in the vocabulary: here they do not, and that is found.
  await t.rejects(exportBundle({ checkpoint, out: join(t.testdirName, 'a'), precision: 'fp32' }), {
    message: /outside the vocabulary/
  })
  const manifest = await exportBundle({
    checkpoint,
    out: join(t.testdirName, 'b'),
    precision: 'fp32',
    gatePattern: GATE
  })
  t.match(manifest, { tokenizer: true, gate: { source: 'option' } })
  writeFileSync(join(checkpoint, 'tokenizer.json'), 'not json')
  await t.rejects(exportBundle({ checkpoint, out: join(t.testdirName, 'c'), precision: 'fp32', gatePattern: GATE }), {
    code: 'unsupported_checkpoint',
    message: /tokenizer\.json/
  })
})

t.test('int8: what it is calibrated with is refused where it cannot be used', async (t) => {
  const out = join(t.testdir({}), 'bundle')
  const options = { checkpoint: checkpointFolder('biases'), out, gatePattern: GATE }
  const refused = (message: RegExp) => ({ code: 'invalid_config', message })
  const calibration = join(t.testdirName, 'data.jsonl')
  await t.rejects(exportBundle({ ...options, precision: 'fp32', calibration }), refused(/for --precision int8/))
  await t.rejects(exportBundle({ ...options, precision: 'fp32', exactTokens: [1] }), refused(/for --precision int8/))
  await t.rejects(
    exportBundle({ ...options, precision: 'int8', exactTokens: [1_000_000] }),
    refused(/--exact-tokens names 1000000, but the vocabulary has/)
  )
  await t.rejects(exportBundle({ ...options, precision: 'int8', calibration }), refused(/needs a tokenizer/))
  t.same(readdirSync(t.testdirName), [], 'nothing is left')
})

t.test('int8: the same calibration gives the same bundle; exact tokens come from the chat template', async (t) => {
  const checkpoint = copyOf(t, 'armorm-tiny')
  for (const file of ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja']) {
    cpSync(join(DEFAULT_MODEL, file), join(checkpoint, file))
  }
  const calibration = join(t.testdirName, 'data.jsonl')
  const line = (word: string) =>
    JSON.stringify({ prompt: [{ role: 'user', content: `${word}?` }], responses: [`${word}!`, word.repeat(9)] })
  writeFileSync(calibration, [line('yes'), line('perhaps'), ''].join('\n'))
  const of = (out: string, more: object = {}) =>
    exportBundle({ checkpoint, out: join(t.testdirName, out), precision: 'int8', gatePattern: GATE, ...more })
  const first = await of('a', { calibration })
  // <|im_start|> and <|im_end|>
  t.same(first.backbone.exact_tokens, [1, 2])
  t.equal((await of('b', { calibration })).model.revision, first.model.revision)
  t.not((await of('c')).model.revision, first.model.revision, 'the packaged conversations')
  const other = await of('d', { calibration, exactTokens: [] })
  t.equal(other.backbone.exact_tokens, undefined)
  t.same(
    Object.keys(first.files).filter((name) => !name.includes('token') && !name.includes('template')),
    ['backbone.onnx', 'backbone.onnx.data', 'heads.onnx'],
    'nothing of the calibration is left'
  )
})

t.test('the self-test holds what the reference computes from the checkpoint', async (t) => {
  const folder = t.testdir({})
  const exact = await exportBundle({
    checkpoint: checkpointFolder('llama3-rope'),
    out: join(folder, 'a'),
    precision: 'fp32',
    gatePattern: GATE
  })
  t.equal(exact.self_test.tolerance, 1e-3)
  t.equal(exact.self_test.cases.length, 2)
  t.equal(exact.self_test.cases[0]!.ratings.length, exact.objectives.length)
  const rounded = await exportBundle({
    checkpoint: checkpointFolder('llama3-rope'),
    out: join(folder, 'b'),
    precision: 'int8',
    gatePattern: GATE
  })
  t.same(rounded.self_test.cases, exact.self_test.cases)
  t.ok(rounded.self_test.tolerance > exact.self_test.tolerance)
})

t.test('a rounded bundle of a model with large outputs passes its own self-test', async (t) => {
  const checkpoint = copyOf(t, 'head-dim-20')
  const path = join(checkpoint, 'model.safetensors')
  const bytes = readFileSync(path)
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >
  const { dtype, data_offsets: offsets } = header['gating.logit_scale']!
  t.equal(dtype, 'F32')
  bytes.writeFloatLE(2000, start + offsets[0])
  writeFileSync(path, bytes)
  const out = join(t.testdirName, 'bundle')
  const manifest = await exportBundle({ checkpoint, out, precision: 'int8', gatePattern: GATE })
  const engine = engineOver(t, out)
  await engine.load()
  t.ok((await selfTest(manifest, engine)) > 0.01, 'errors as large as these outputs bring')
})

t.test('an export that fails leaves nothing behind', async (t) => {
  const checkpoint = copyOf(t, 'biases')
  const out = join(t.testdirName, 'bundle')
  const fails = async (what: string, options: object, expected: { code: string; message?: RegExp }) => {
    await t.rejects(exportBundle({ checkpoint, out, precision: 'fp32', gatePattern: GATE, ...options }), expected, what)
    t.same(readdirSync(t.testdirName), ['checkpoint'], `${what}: nothing left`)
  }
  await fails('a limit beyond the model', { maxTokens: 10 ** 9 }, { code: 'invalid_config', message: /max-tokens/ })
  await fails('too few names', { objectives: ['a'] }, { code: 'invalid_config' })
  await fails('the checkpoint itself', { out: checkpoint }, { code: 'invalid_config' })
  editConfig(checkpoint, { hidden_act: 'gelu' })
  await fails('another activation', {}, { code: 'unsupported_checkpoint', message: /hidden_act/ })
  editConfig(checkpoint, { hidden_act: 'silu' })
  editConfig(checkpoint, { max_position_embeddings: 1 })
  await fails('no room for two tokens', {}, { code: 'unsupported_checkpoint', message: /max_position_embeddings 1 / })
  editConfig(checkpoint, { max_position_embeddings: 64, rope_scaling: { rope_type: 'yarn', factor: 2 } })
  await fails('another rope', {}, { code: 'unsupported_checkpoint', message: /rope_scaling\.rope_type/ })
})

t.test('a weight that is not a number is refused by name, in the backbone and in the heads', async (t) => {
  const checkpoint = copyOf(t, 'biases')
  const path = join(checkpoint, 'model.safetensors')
  const whole = readFileSync(path)
  const start = 8 + Number(whole.readBigUInt64LE(0))
  const header = JSON.parse(whole.toString('utf8', 8, start)) as Record<string, { data_offsets: [number, number] }>
  for (const name of [
    'model.layers.1.mlp.up_proj.weight',
    'model.norm.weight',
    'regression_layer.weight',
    'gating.layers.0.bias',
    'gating.logit_scale',
    'reward_transform_matrix'
  ]) {
    const bytes = Buffer.from(whole)
    const at = start + header[name]!.data_offsets[0]
    // All ones is a NaN in each of the formats.
    bytes.fill(0xff, at, at + 4)
    writeFileSync(path, bytes)
    await t.rejects(
      exportBundle({ checkpoint, out: join(t.testdirName, 'out'), precision: 'fp32', gatePattern: GATE }),
      { code: 'unsupported_checkpoint', message: new RegExp(`${name} holds NaN`) }
    )
    t.same(readdirSync(t.testdirName), ['checkpoint'])
  }
})

t.test('a folder that holds something else is never replaced', async (t) => {
  const folder = t.testdir({ mine: { 'thesis.txt': 'years of work' } })
  const options = { checkpoint: checkpointFolder('one-objective'), precision: 'fp32' as const, gatePattern: GATE }
  const mine = join(folder, 'mine')
  await t.rejects(exportBundle({ ...options, out: mine }), { code: 'invalid_config', message: /--replace/ })
  await t.rejects(exportBundle({ ...options, out: mine, replace: true }), {
    code: 'invalid_config',
    message: /not a bundle/
  })
  t.ok(existsSync(join(mine, 'thesis.txt')))
  const out = join(folder, 'bundle')
  await exportBundle({ ...options, out })
  await t.rejects(exportBundle({ ...options, out }), { code: 'invalid_config' })
  writeFileSync(join(out, 'README.md'), 'the card')
  await exportBundle({ ...options, out, replace: true })
  t.ok(existsSync(join(out, 'bundle.json')))
  t.equal(readFileSync(join(out, 'README.md'), 'utf8'), 'the card', 'what lies beside the bundle stays')
})

/** Runs `armorm` and returns how it ended. */
function armorm(
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string; peakBytes: number }> {
  // The program reports its own peak: what the kernel counted, threads and buffers included.
  const report = `process.on('exit', () => process.stderr.write('peak ' + process.resourceUsage().maxRSS * 1024 + '\\n'))`
  const child = spawn(process.execPath, [
    '--import',
    `data:text/javascript,${encodeURIComponent(report)}`,
    ARMORM,
    ...args
  ])
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr, peakBytes: Number(/peak (\d+)/.exec(stderr)?.[1]) }))
  )
}

t.test('the command line: a bundle, one line on what it is, and clear refusals', async (t) => {
  const folder = t.testdir({})
  const done = await armorm(
    'export',
    checkpointFolder('one-objective'),
    '--out',
    join(folder, 'b'),
    '--gate-pattern',
    '1,2',
    '--objectives',
    'good',
    '--name',
    'n'
  )
  t.equal(done.code, 0, done.stderr)
  t.match(
    done.stdout,
    /n \(revision [0-9a-f]{16}\), 1 objectives, fp32, .* MB, gate pattern 1,2 \(from option\); no tokenizer/
  )
  const { manifest } = await loadBundle(join(folder, 'b'))
  t.equal(manifest.objectives[0]!.name, 'good')
  const refused = await armorm('export', join(folder, 'nothing'), '--out', join(folder, 'c'))
  t.equal(refused.code, 1)
  t.match(refused.stderr, /^armorm: unsupported_checkpoint: .+\n/)
  const wrong = await armorm(
    'export',
    checkpointFolder('one-objective'),
    '--out',
    join(folder, 'c'),
    '--gate-pattern',
    '1,x'
  )
  t.not(wrong.code, 0)
  t.match(wrong.stderr, /"x" is not a whole number/)
})

t.test('memory stays far below the size of the model', async (t) => {
  // A sparse file: 384 MB of bfloat16 zeros in one embedding table, 768 MB once exported as float32.
  const checkpoint = copyOf(t, 'one-objective')
  const config = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8')) as { hidden_size: number }
  const path = join(checkpoint, 'model.safetensors')
  const bytes = readFileSync(path)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: number[] }
  >
  const rows = Math.round((192 * 2 ** 20) / config.hidden_size)
  const name = 'model.embed_tokens.weight'
  // The table goes to the end, where the file grows; the others close the gap it leaves.
  const kept = Object.entries(header).filter(([key]) => key !== name && key !== '__metadata__')
  const moved: typeof header = {}
  const data: Buffer[] = []
  let end = 0
  for (const [key, tensor] of kept) {
    const part = bytes.subarray(8 + length + tensor.data_offsets[0]!, 8 + length + tensor.data_offsets[1]!)
    moved[key] = { ...tensor, data_offsets: [end, end + part.length] }
    data.push(part)
    end += part.length
  }
  const tableBytes = rows * config.hidden_size * 2
  moved[name] = { dtype: 'BF16', shape: [rows, config.hidden_size], data_offsets: [end, end + tableBytes] }
  const text = Buffer.from(JSON.stringify(moved))
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(BigInt(text.length))
  writeFileSync(path, Buffer.concat([prefix, text, ...data]))
  truncateSync(path, 8 + text.length + end + tableBytes)
  editConfig(checkpoint, { vocab_size: rows })
  const out = join(t.testdirName, 'bundle')
  const args = ['export', checkpoint, '--out', out, '--gate-pattern', '1,2']
  const done = await armorm(...args)
  t.equal(done.code, 0, done.stderr)
  t.comment(
    `peak ${(done.peakBytes / 2 ** 20).toFixed(0)} MiB for ${(rows * config.hidden_size * 4) / 2 ** 20} MiB of float32`
  )
  t.ok(done.peakBytes < 400 * 2 ** 20, `${done.peakBytes} bytes`)

  // The same export, stopped while it writes: its hundreds of megabytes go, the bundle that was there stays.
  const stopped = spawn(process.execPath, [ARMORM, ...args, '--replace'])
  stopped.stderr.once('data', () => stopped.kill('SIGINT'))
  const code = await new Promise((resolve) => stopped.once('exit', resolve))
  t.equal(code, 130)
  t.same(readdirSync(t.testdirName).sort(), ['bundle', 'checkpoint'])
  t.ok(existsSync(join(out, 'bundle.json')))
})
