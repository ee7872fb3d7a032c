import { join } from 'node:path'
import t, { type Test } from 'tap'
import { memoryRoom } from '../../src/engine/memory.js'

type Tree = NonNullable<Parameters<Test['testdir']>[0]>

const MEMINFO = 'MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n'
const KB = 1024

function room(t: Test, membership: string, cgroup: Tree, meminfo = MEMINFO) {
  const folder = t.testdir({ membership, cgroup, meminfo })
  return memoryRoom({
    meminfo: join(folder, 'meminfo'),
    cgroupRoot: join(folder, 'cgroup'),
    membership: join(folder, 'membership')
  })
}

const v2 = (max: string, current = 0, inactive = 0) => ({
  'memory.max': `${max}\n`,
  'memory.current': `${current}\n`,
  'memory.stat': `anon 1\ninactive_file ${inactive}\nactive_file 7\n`
})

t.test('without a limit the machine counts', async (t) => {
  const free = { total: 1000 * KB, available: 600 * KB, limited: false }
  t.strictSame(room(t, '0::/\n', v2('max')), free)
  t.strictSame(room(t, '0::/\n', {}), free)
  t.strictSame(room(t, '0::/\n', v2(String(2000 * KB))), free, 'a limit above what there is')
  t.equal(memoryRoom({ meminfo: join(t.testdir(), 'none') }), null)
})

t.test('version 2: what is used counts without the caches of files that can go', async (t) => {
  const limited = { total: 500 * KB, available: 300 * KB, limited: true }
  t.strictSame(room(t, '0::/\n', v2(String(500 * KB), 250 * KB, 50 * KB)), limited)
})

t.test(
  'version 2: the tightest limit on the way to the root holds, and so does what the machine has left',
  async (t) => {
    const tree = { ...v2('max'), pod: { ...v2(String(500 * KB), 450 * KB), main: v2(String(400 * KB), 10 * KB) } }
    t.strictSame(room(t, '0::/pod/main\n', tree), { total: 400 * KB, available: 50 * KB, limited: true })
    const wide = { ...v2(String(900 * KB), 0) }
    t.strictSame(room(t, '0::/\n', wide), { total: 900 * KB, available: 600 * KB, limited: true })
  }
)

t.test('version 1', async (t) => {
  const v1 = (limit: string) => ({
    'memory.limit_in_bytes': `${limit}\n`,
    'memory.usage_in_bytes': `${200 * KB}\n`,
    'memory.stat': `inactive_file 1\ntotal_inactive_file ${100 * KB}\n`
  })
  const membership = '4:memory:/docker/a\n1:cpu:/\n0::/\n'
  const none = v1('9223372036854771712')
  t.match(room(t, membership, { memory: { ...none, docker: { ...none, a: v1(String(300 * KB)) } } }), {
    total: 300 * KB,
    available: 200 * KB,
    limited: true
  })
  t.match(room(t, membership, { memory: { ...none, docker: { a: none } } }), { limited: false })
})
