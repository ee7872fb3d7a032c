import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t from 'tap'
import { exportBundle } from '../../src/export/export-bundle.js'
import { makePartial, partialFolder } from '../../src/export/partial-folder.js'
import { checkpointFolder } from '../support/checkpoints.js'
import { NO_PROC, partialProcess } from '../support/partial-process.js'

t.test('it is beside the folder that it is for, and empty, whatever was there', async (t) => {
  const out = join(t.testdir(), 'new', 'model')
  const contents = await makePartial(out)
  t.ok(contents.startsWith(partialFolder(out)))
  writeFileSync(join(contents, 'weights'), 'many')
  t.equal(await makePartial(out), contents)
  t.strictSame(readdirSync(contents), [])
  t.strictSame(readdirSync(join(out, '..')), [basename(partialFolder(out))])
})

t.test('that of a killed process goes with the next one, that of a living one stays', { skip: NO_PROC }, async (t) => {
  const out = join(t.testdir(), 'model')
  const [killed, living] = [await partialProcess(t, out), await partialProcess(t, out)]
  await killed.kill()
  t.ok(existsSync(join(killed.folder, 'contents', 'weights')))
  await makePartial(out)
  const names = [basename(partialFolder(out)), basename(living.folder)].sort()
  t.strictSame(readdirSync(t.testdirName).sort(), names)
  t.ok(existsSync(join(living.folder, 'contents', 'weights')), 'nothing is taken from it')
  t.notOk(existsSync(join(partialFolder(out), 'contents', 'weights')))
})

t.test('what is not for certain of a process that has ended stays', { skip: NO_PROC }, async (t) => {
  const out = join(t.testdir(), 'model')
  const { folder, kill } = await partialProcess(t, out)
  await kill()
  const owner = readFileSync(join(folder, 'owner.json'), 'utf8')
  const pid = folder.slice(`${out}.partial-`.length)
  const names: string[] = []
  const put = (name: string, ownerText: string | null) => {
    mkdirSync(join(t.testdirName, name))
    if (ownerText !== null) writeFileSync(join(t.testdirName, name, 'owner.json'), ownerText)
    names.push(name)
  }
  const changed = (key: string) => `${JSON.stringify({ ...(JSON.parse(owner) as object), [key]: 'another' })}\n`
  put(`other.partial-${pid}`, owner)
  put(`model.partial-${pid}0`, changed('boot'))
  put(`model.partial-${pid}00`, changed('processes'))
  put(`model.partial-${pid}000`, changed('host'))
  put(`model.partial-0${pid}`, owner)
  put('model.partial-backup', owner)
  put(`model.replaced-${pid}`, owner)
  writeFileSync(`${out}.partial-${pid}0000`, '')
  rmSync(join(folder, 'owner.json'))
  await makePartial(out)
  const all = [...names, basename(folder), `model.partial-${pid}0000`, basename(partialFolder(out))]
  t.strictSame(readdirSync(t.testdirName).sort(), all.sort())

  // The same folder with its owner's name goes: nothing else kept it.
  writeFileSync(join(folder, 'owner.json'), owner)
  await makePartial(out)
  t.notOk(existsSync(folder))
})

t.test('an export removes it, and leaves nothing of its own', { skip: NO_PROC }, async (t) => {
  const checkpoint = join(t.testdir(), 'checkpoint')
  cpSync(checkpointFolder('one-objective'), checkpoint, { recursive: true })
  const out = join(t.testdirName, 'bundle')
  const { kill } = await partialProcess(t, out)
  await kill()
  await exportBundle({ checkpoint, out, precision: 'fp32', gatePattern: [1, 2] })
  t.strictSame(readdirSync(t.testdirName).sort(), ['bundle', 'checkpoint'])
  t.notOk(existsSync(join(out, 'owner.json')))
})
