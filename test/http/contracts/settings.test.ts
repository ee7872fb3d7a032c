import t from 'tap'
import { contractSettings } from '../../../src/http/contracts/settings.js'
import { resolveConfig } from '../../../src/config/resolve.js'
import { referenceOf } from '../../support/references.js'
import { manifest } from '../helpers.js'

const settings = (flags: Record<string, string>, reference: Parameters<typeof contractSettings>[2] = null) =>
  contractSettings(resolveConfig({ flags, env: {} }), manifest, reference)

t.test('objectives beside the reward are checked against the model, and stay in its order', async (t) => {
  t.strictSame(settings({}).extras, [0, 1, 2])
  t.strictSame(settings({ extraObjectives: 'none' }).extras, [])
  t.strictSame(settings({ extraObjectives: 'safety, helpfulness' }).extras, [0, 2])
  for (const extraObjectives of ['safty', 'safety,', 'ALL', 'helpfulness;safety']) {
    t.throws(() => settings({ extraObjectives }), {
      code: 'invalid_config',
      message: /extraObjectives names ".*", which is no objective of this model; it has helpfulness, verbosity, safety$/
    })
  }
})

t.test('the score of what cannot be scored', async (t) => {
  t.equal(settings({}).failedScore, 0)
  t.equal(settings({}, referenceOf(manifest)).failedScore, -2, 'the lowest of the reference')
  t.equal(settings({ failedScore: 'refuse' }, referenceOf(manifest)).failedScore, null)
  t.equal(settings({ failedScore: '-1.5' }, referenceOf(manifest)).failedScore, -1.5)
  for (const failedScore of ['NaN', 'Infinity', 'low', ' ']) {
    t.throws(() => settings({ failedScore }), { code: 'invalid_config', message: /must be auto, refuse or a number/ })
  }
})

t.test('scale and offset', async (t) => {
  t.match(settings({ scoreScale: '2.5e1', scoreOffset: '-0.5' }), { scale: 25, offset: -0.5 })
  for (const scoreScale of ['0', '-1', 'NaN', '1e7', '']) {
    t.throws(() => settings({ scoreScale }), { message: /^--score-scale must be a number from 0.000001 to 1000000/ })
  }
})
