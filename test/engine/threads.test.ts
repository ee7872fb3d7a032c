import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { cgroupCpuQuota, usableThreads } from '../../src/engine/threads.js'

type Tree = NonNullable<Parameters<Test['testdir']>[0]>

/** CPUs allowed in a made-up /sys/fs/cgroup to a process with these lines in /proc/self/cgroup. */
function quota(t: Test, membership: string, cgroup: Tree): number {
  const folder = t.testdir({ membership, cgroup })
  return cgroupCpuQuota(join(folder, 'cgroup'), join(folder, 'membership'))
}

const v1 = (quotaUs: number, periodUs = 100000) => ({
  'cpu.cfs_quota_us': `${quotaUs}\n`,
  'cpu.cfs_period_us': `${periodUs}\n`
})

t.test('version 2: cpu.max', async (t) => {
  t.equal(quota(t, '0::/\n', { 'cpu.max': '150000 100000\n' }), 1.5)
  t.equal(quota(t, '0::/\n', { 'cpu.max': '50000 25000\n' }), 2)
  t.equal(quota(t, '0::/\n', { 'cpu.max': 'max 100000\n' }), Infinity)
})

t.test('version 2: the tightest quota on the way to the root holds', async (t) => {
  const membership = '0::/kubepods/pod1/main\n'
  const tree = (...limits: string[]): Tree => ({
    'cpu.max': limits[0]!,
    kubepods: { 'cpu.max': limits[1]!, pod1: { 'cpu.max': limits[2]!, main: { 'cpu.max': limits[3]! } } }
  })
  const max = 'max 100000'
  t.equal(quota(t, membership, tree(max, '400000 100000', '200000 100000', '300000 100000')), 2)
  t.equal(quota(t, membership, tree(max, max, max, '300000 100000')), 3)
  t.equal(quota(t, membership, tree('100000 100000', max, max, max)), 1)
  t.equal(quota(t, membership, tree(max, max, max, max)), Infinity)
})

t.test("version 2: a neighbour's quota does not count", async (t) => {
  const tree = { mine: { 'cpu.max': 'max 100000' }, other: { 'cpu.max': '100000 100000' } }
  t.equal(quota(t, '0::/mine\n', tree), Infinity)
})

t.test('version 2: in a cgroup namespace the path may not exist, or lead above the root', async (t) => {
  const tree = { 'cpu.max': '200000 100000' }
  t.equal(quota(t, '0::/docker/0123abcd\n', tree), 2)
  t.equal(quota(t, '0::/../../other\n', tree), 2)
})

t.test('version 2: a path with colons', async (t) => {
  t.equal(quota(t, '0::/a.slice:cri:b\n', { 'a.slice:cri:b': { 'cpu.max': '100000 100000' } }), 1)
})

t.test('version 1: cpu.cfs_quota_us over cpu.cfs_period_us, of the cpu controller only', async (t) => {
  const membership = '11:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n3:cpuset:/docker/x\n1:name=systemd:/docker/x\n'
  t.equal(quota(t, membership, { 'cpu,cpuacct': { docker: { x: v1(250000) } } }), 2.5)
  t.equal(quota(t, membership, { 'cpu,cpuacct': v1(50000, 50000) }), 1, 'in a container its own group is the root')
  t.equal(quota(t, membership, { 'cpu,cpuacct': { ...v1(300000), docker: { ...v1(-1), x: v1(400000) } } }), 3)
  t.equal(quota(t, membership, { 'cpu,cpuacct': { docker: { x: v1(-1) } } }), Infinity)
  t.equal(quota(t, membership, { memory: v1(100000), cpuset: v1(100000) }), Infinity)
})

t.test('both versions mounted', async (t) => {
  const tree = { 'cpu.max': 'max 100000', cpu: { app: v1(200000) } }
  t.equal(quota(t, '2:cpu:/app\n0::/app\n', tree), 2)
})

t.test('without files, or with files that say nothing, there is no limit', async (t) => {
  t.equal(quota(t, '0::/a/b\n', {}), Infinity)
  t.equal(quota(t, '4:cpu,cpuacct:/a\n', {}), Infinity)
  for (const text of ['', '\n', '100000', 'garbage 100000', '100000 0', '0 100000']) {
    t.equal(quota(t, '0::/\n', { 'cpu.max': text }), Infinity, JSON.stringify(text))
  }
  t.equal(quota(t, '4:cpu:/\n', { cpu: { 'cpu.cfs_quota_us': '100000' } }), Infinity)
})

t.test('without /proc/self/cgroup the root is looked at', async (t) => {
  const folder = t.testdir({ 'cpu.max': '300000 100000' })
  t.equal(cgroupCpuQuota(folder, join(folder, 'missing')), 3)
})

t.test('threads: whole ones within quota and cores, at least one', async (t) => {
  t.equal(usableThreads(Infinity, 8), 8)
  t.equal(usableThreads(2, 8), 2)
  t.equal(usableThreads(2.9, 8), 2)
  t.equal(usableThreads(0.5, 8), 1)
  t.equal(usableThreads(16, 8), 8)
  t.equal(usableThreads(16, 1), 1)
})

t.test('this machine', async (t) => {
  const threads = usableThreads()
  t.ok(Number.isInteger(threads) && threads >= 1 && threads <= availableParallelism(), `${threads}`)
})
