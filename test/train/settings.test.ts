import t from 'tap'
import { trainSettings } from '../../src/train/settings.js'

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
})
