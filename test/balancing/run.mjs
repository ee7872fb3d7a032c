// `npm run test:balancing`: two servers behind nginx, and behind Envoy, with the configurations of docker/. Samples of a
// prompt meet; servers are killed and stopped under load, and every request is answered once. `-- nginx` or `-- envoy`
// runs one of them; `-- --write` measures instead, and writes the table of docs/balancing.md. Needs Debian's packages of
// nginx, and Envoy's from a package index.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { build, check, root, skip, suite } from '../support/suite.mjs'
import { envoy, nginx } from './balancers.mjs'
import { asksForReadiness, balances, passesRefusals, readsBodies, scoresRightly } from './checks.mjs'
import { writeTable } from './measure.mjs'
import { withPair } from './pair.mjs'

const STAND_IN = join(root, 'build', 'bench', 'stand-in', 'server.js')
const ARMORM = join(root, 'build', 'src', 'cli', 'main.js')

/** Of those that were asked for, the balancers that can be had. */
function balancers() {
  const names = process.argv.slice(2).filter((word) => !word.startsWith('-'))
  const asked = [nginx, envoy].filter(({ name }) => names.length === 0 || names.includes(name.toLowerCase()))
  return asked.filter(({ name, provide }) => {
    const why = provide()
    if (why) skip(name, why)
    return why === null
  })
}

async function main() {
  const had = balancers()
  if (had.length === 0) return
  build('--tests')
  if (process.argv.includes('--write')) return writeTable(STAND_IN)
  const [hasNginx, hasEnvoy] = [nginx, envoy].map((each) => had.includes(each))
  const one = ['--tokenizer-threads', '1']
  if (hasNginx) {
    await check('nginx: the configuration is valid, with njs and, as it says, without', () => {
      assert.equal(nginx.problems(), '')
      assert.equal(nginx.problems(nginx.withoutModule()), '')
    })
  }
  if (hasEnvoy) await check('Envoy: the configuration is valid', () => assert.equal(envoy.problems(), ''))
  await withPair(STAND_IN, one, { STAND_IN_RATE: '8000' }, async (pair) => {
    if (hasNginx) await readsBodies(pair)
    if (hasNginx) await balances(pair, nginx, /"tries":"502, 200"/)
    if (hasEnvoy) await balances(pair, envoy, /"tries":2/)
  })
  const slow = [...one, '--max-queue-tokens', '400', '--drain-delay', '3600']
  await withPair(STAND_IN, slow, { STAND_IN_RATE: '2000' }, async (pair) => {
    if (hasNginx) await passesRefusals(pair, nginx, 11)
    if (hasEnvoy) await passesRefusals(pair, envoy, 12)
    if (hasEnvoy) await asksForReadiness(pair)
  })
  if (hasNginx) await withPair(ARMORM, [...one, '--threads', '1'], {}, scoresRightly)
}

await suite('test:balancing', main)
