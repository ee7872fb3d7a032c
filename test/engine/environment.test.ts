import t from 'tap'
import { engineEnvironment } from '../../src/engine/environment.js'

t.test('memory is kept between operators, unless the operator of the server said otherwise', async (t) => {
  const usual = engineEnvironment({ PATH: '/bin' })
  t.match(usual, { PATH: '/bin', MALLOC_MMAP_THRESHOLD_: '33554432', MALLOC_TRIM_THRESHOLD_: '268435456' })
  t.match(engineEnvironment({ MALLOC_TRIM_THRESHOLD_: '1' }), { MALLOC_TRIM_THRESHOLD_: '1' })
})
