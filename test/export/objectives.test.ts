import t from 'tap'
import { readConfig, type ModelConfig } from '../../src/checkpoint/config.js'
import { resolveObjectives } from '../../src/export/objectives.js'
import { checkpointFolder } from '../support/checkpoints.js'

const armorm = await readConfig(checkpointFolder('armorm-tiny'))
const other: ModelConfig = { ...armorm, objectives: 2, vocabSize: 100 }

t.test('ArmoRM is known: names, source sets, and the native scale of HelpSteer alone', async (t) => {
  const objectives = resolveObjectives(armorm, undefined)
  t.equal(objectives.length, 19)
  t.same(objectives[4], {
    name: 'helpsteer-verbosity',
    source_set: 'helpsteer',
    native_scale: { multiplier: 5, offset: -0.5, low: 0, high: 4 }
  })
  t.same(objectives[17], { name: 'code-instruction-following', source_set: 'code', native_scale: null })
  t.same(
    objectives.filter(({ native_scale }) => native_scale).map(({ name }) => name),
    objectives.slice(0, 5).map(({ name }) => name)
  )
})

t.test('the checkpoint comes before the caller, the caller before the table, numbers last', async (t) => {
  const names = (config: ModelConfig, given?: string[]) => resolveObjectives(config, given).map(({ name }) => name)
  t.same(names({ ...other, objectiveNames: ['a', 'b'] }, ['c', 'd']), ['a', 'b'])
  t.same(names(other, ['c', 'd']), ['c', 'd'])
  t.equal(
    names(
      armorm,
      Array.from({ length: 19 }, (_, i) => `x${i}`)
    )[0],
    'x0'
  )
  t.same(names(other), ['objective_0', 'objective_1'])
})

t.test('names that do not fit are refused with both numbers', async (t) => {
  t.throws(() => resolveObjectives(other, ['one']), { code: 'invalid_config', message: /1 names.*2 objectives/ })
  t.throws(() => resolveObjectives(other, ['same', 'same']), { code: 'invalid_config' })
  t.throws(() => resolveObjectives(other, ['', 'b']), { code: 'invalid_config' })
})

t.test('the caller may say which data set an objective comes from', async (t) => {
  const sets = new Map([['b', 'stories']])
  t.same(
    resolveObjectives(other, ['a', 'b'], sets).map(({ source_set }) => source_set),
    [null, 'stories']
  )
  t.throws(() => resolveObjectives(other, ['a', 'c'], sets), { code: 'invalid_config', message: /names b/ })
})
