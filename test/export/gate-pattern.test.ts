import t from 'tap'
import { readConfig, type ModelConfig } from '../../src/checkpoint/config.js'
import { resolveGate } from '../../src/export/gate-pattern.js'
import { checkpointFolder } from '../support/checkpoints.js'

const llama3 = await readConfig(checkpointFolder('armorm-tiny'))
const other: ModelConfig = { ...llama3, vocabSize: 500, bosTokenId: 1 }

t.test('the caller comes first, then the config, the template, and Llama-3 without a tokenizer', async (t) => {
  const configured = { ...other, gatingTokenPattern: [3, 4] }
  t.same(resolveGate(configured, [1, 2], { pattern: [5] }), { pattern: [1, 2], source: 'option' })
  t.same(resolveGate(configured, undefined, { pattern: [5] }), { pattern: [3, 4], source: 'config' })
  t.same(resolveGate(other, undefined, { pattern: [5] }), { pattern: [5], source: 'chat_template' })
  t.same(resolveGate(llama3, undefined, null), { pattern: [128009, 128006, 78191, 128007, 271], source: 'llama3' })
})

t.test('nothing to go by is refused with the way out', async (t) => {
  const refused = { code: 'unsupported_checkpoint', message: /--gate-pattern/ }
  t.throws(() => resolveGate(other, undefined, null), refused)
  t.throws(() => resolveGate(other, undefined, { pattern: null }), refused)
  t.throws(
    () => resolveGate(llama3, undefined, { pattern: null }),
    refused,
    'a tokenizer that says nothing is not Llama-3'
  )
  t.throws(() => resolveGate({ ...llama3, bosTokenId: 1 }, undefined, null), refused)
})

t.test('an id outside the vocabulary is named', async (t) => {
  t.throws(() => resolveGate(other, [1, 500], null), { message: /500 is outside the vocabulary of 500/ })
})
