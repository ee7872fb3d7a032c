import t from 'tap'
import { rewardForm } from '../../src/engine/protocol.js'
import { Work } from '../../src/engine/work.js'
import { ArmormError } from '../../src/errors.js'
import { sequence } from '../support/engines.js'

const batch = [sequence([1]), sequence([2])]

t.test('a batch without an answer is told one reason, or each of its conversations its own', async (t) => {
  const stopping = new ArmormError('engine_unavailable', 'the engine is stopping')
  const same = new Work(batch, rewardForm().widths, () => true)
  same.refuse(same.whole(), stopping)
  same.settle()
  await t.rejects(same.outputs, stopping)

  // The second one's caller left while the engine restarted; then the first one ended the engine again, alone.
  const different = new Work(batch, rewardForm().widths, (row) => row === 0)
  const part = different.stillWanted(different.whole())!
  t.same(part.rows, [0])
  for (const again of different.fail(part, { message: 'it ended', ended: true })) {
    different.fail(again, { message: 'it ended', ended: true })
  }
  t.ok(different.done)
  different.settle()
  const { refused, score } = await different.outputs
  t.match(refused?.get(0), { code: 'engine_failed' })
  t.match(refused?.get(1), { code: 'client_closed' })
  t.same([...score], [NaN, NaN])
})
