import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readSettings, trainSettings } from '../../src/train/settings.js'

t.test('fills in defaults of every section', async (t) => {
  const settings = trainSettings({}, 'train.json')
  t.match(settings, { seed: 1, data: { out_of_range: 'error', columns: { files: [] } }, stage1: {} })
  t.equal(settings.objectives, undefined)
  t.equal(trainSettings({ embed: {} }, 'train.json').embed.shard_rows, 512)
})

t.test('names what it refuses', async (t) => {
  const refused = (stated: unknown, message: RegExp) =>
    t.throws(() => trainSettings(stated, 'train.json'), { code: 'invalid_config', message })
  refused({ sed: 1 }, /^train.json: \/sed is not a known key/)
  refused({ data: { max_row: 1 } }, /^train.json: \/data\/max_row is not a known key/)
  refused({ embed: { shard_rows: 0 } }, /^train.json: \/embed\/shard_rows /)
  refused([], /^train.json: \/ /)
  const scale = (ends: unknown) => {
    return { data: { columns: { files: [{ match: '*', ratings: { a: { column: 'a', scale: ends } } }] } } }
  }
  refused(scale([5, 5]), /^train.json: \/data\/columns\/files\/0\/ratings\/a\/scale has two ends that are the same, 5$/)
  t.ok(trainSettings(scale([5, 1]), 'train.json'))
})

t.test('a file of settings', async (t) => {
  const path = join(t.testdir(), 'train.json')
  writeFileSync(path, '\ufeff{"seed": 7}\r\n')
  t.equal((await readSettings(path)).seed, 7, "Windows' form")
  writeFileSync(path, '{"seed": 7')
  await t.rejects(readSettings(path), { code: 'invalid_config', message: /train\.json is not JSON/ })
  await t.rejects(readSettings(`${path}.none`), { code: 'invalid_config', message: /does not exist/ })
})
