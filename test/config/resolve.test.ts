import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { resolveConfig } from '../../src/config/resolve.js'
import { flagOf, OPTION_NAMES, optionSchema, variableOf } from '../../src/config/schema.js'

const fileWith = (t: Test, content: unknown) => {
  const path = join(t.testdir(), 'armorm.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

t.test('every option has a default that it allows, a flag and a variable of its own', async (t) => {
  const config = resolveConfig({ flags: {}, env: {} })
  t.match(config, { host: '127.0.0.1', port: 8080, provider: 'cpu', bodyLimit: 67108864, maxInputs: 4096 })
  t.match(config.model, /[\\/]models[\\/]default$/, 'the model that lies in the package')
  for (const name of OPTION_NAMES) {
    const fallback = String(optionSchema(name).default)
    t.doesNotThrow(() => resolveConfig({ flags: { [name]: fallback }, env: {} }), name)
    t.ok(optionSchema(name).description, name)
  }
  t.equal(new Set(OPTION_NAMES.map(flagOf)).size, OPTION_NAMES.length)
  t.equal(flagOf('maxBatchTokens'), '--max-batch-tokens')
  t.equal(variableOf('maxBatchTokens'), 'ARMORM_MAX_BATCH_TOKENS')
  t.equal(variableOf('model'), 'ARMORM_MODEL')
})

t.test('a flag wins over a variable, a variable over the file, the file over the default', async (t) => {
  const config = fileWith(t, { port: 1, host: 'file', model: 'file', maxInputs: 5 })
  const env = { ARMORM_CONFIG: config, ARMORM_PORT: '2', ARMORM_HOST: 'env', ARMORM_MODEL: '' }
  const resolved = resolveConfig({ flags: { port: '3' }, env })
  t.match(resolved, { port: 3, host: 'env', model: 'file', maxInputs: 5, explainTtl: 3600 })
  t.equal(resolveConfig({ flags: { config }, env: {} }).port, 1, '--config names the file too')
})

t.test('a bad value names where it came from and what is allowed', async (t) => {
  const refused = (flags: Record<string, string>, env: Record<string, string>, message: RegExp) =>
    t.throws(() => resolveConfig({ flags, env }), { code: 'invalid_config', message })
  refused({ port: 'abc' }, {}, /^--port must be an integer from 0 to 65535, but is "abc"$/)
  refused({ port: '65536' }, {}, /^--port .* 65535, but is "65536"$/)
  for (const port of ['-1', '8080.5', '1e3', ' 80', '0x50', '']) refused({ port }, {}, /^--port must be/)
  refused({}, { ARMORM_PROVIDER: 'gpu' }, /^ARMORM_PROVIDER must be one of cpu, cuda, but is "gpu"$/)
  refused({ model: '' }, {}, /^--model must be a text that is not empty/)
  for (const [content, message] of [
    [{ maxBatchTokens: '5' }, /^"maxBatchTokens" in .*armorm.json must be an integer from 1/],
    [{ prot: 1 }, /unknown key "prot"; known are model, host, port/],
    [{ config: 'other.json' }, /unknown key "config"/],
    ['{', /not valid JSON/],
    ['[]', /one JSON object/]
  ] as const) {
    const config = fileWith(t, content)
    refused({ config }, {}, message)
  }
  refused({ config: join(t.testdir(), 'none.json') }, {}, /none\.json cannot be read \(ENOENT\)/)
})

t.test('a value that a lower source has wrong does not matter where a higher one is right', async (t) => {
  t.equal(resolveConfig({ flags: { port: '3' }, env: { ARMORM_PORT: 'wrong' } }).port, 3)
})
