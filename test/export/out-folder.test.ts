import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkOut, outFolder, publish } from '../../src/export/out-folder.js'

const MANIFEST = JSON.stringify({ files: { 'a.onnx': {}, LICENSE: {} } })

t.test('links are resolved as far as the path exists', async (t) => {
  const folder = t.testdir({ real: {}, file: '' })
  symlinkSync(join(folder, 'real'), join(folder, 'link'))
  t.equal(await outFolder(join(folder, 'link')), join(folder, 'real'))
  t.equal(await outFolder(join(folder, 'link', 'x', 'y')), join(folder, 'real', 'x', 'y'))
  await t.rejects(outFolder(join(folder, 'file', 'x')), { code: 'invalid_config', message: /ENOTDIR/ })
})

t.test('only a bundle is replaced, and never the checkpoint, whatever name it goes by', async (t) => {
  const folder = t.testdir({
    checkpoint: {},
    file: '',
    bundle: { 'bundle.json': MANIFEST },
    other: { 'bundle.json': '[]', 'work.txt': '' },
    broken: { 'bundle.json': '{' }
  })
  const checkpoint = join(folder, 'checkpoint')
  symlinkSync(checkpoint, join(folder, 'link'))
  const check = (name: string, from = checkpoint) => checkOut(join(folder, name), from, true)
  await t.rejects(check('checkpoint', join(folder, 'link')), {
    code: 'invalid_config',
    message: /the checkpoint itself/
  })
  for (const name of ['other', 'broken']) await t.rejects(check(name), { message: /not a bundle/ })
  await t.rejects(check('file'), { code: 'invalid_config', message: /ENOTDIR/ })
  t.same([...(await check('bundle'))].sort(), ['LICENSE', 'a.onnx', 'bundle.json'])
  t.same([...(await check('nothing'))], [])
})

t.test("the old bundle's files go, everything else in its folder stays", async (t) => {
  const folder = t.testdir({
    out: {
      'bundle.json': MANIFEST,
      'a.onnx': 'old',
      LICENSE: 'old',
      'README.md': 'the card',
      checkpoint: { 'model.safetensors': 'weights' }
    },
    partial: { 'bundle.json': 'new', 'a.onnx': 'new' }
  })
  const out = join(folder, 'out')
  publish(join(folder, 'partial'), out, new Set(['bundle.json', 'a.onnx', 'LICENSE']))
  t.same(readdirSync(folder), ['out'])
  t.same(readdirSync(out).sort(), ['README.md', 'a.onnx', 'bundle.json', 'checkpoint'])
  t.equal(readFileSync(join(out, 'a.onnx'), 'utf8'), 'new')
  t.equal(readFileSync(join(out, 'checkpoint', 'model.safetensors'), 'utf8'), 'weights')
})

t.test('a move that fails puts back what was there', async (t) => {
  const folder = t.testdir({ out: { 'bundle.json': MANIFEST, 'README.md': 'the card' } })
  const out = join(folder, 'out')
  t.throws(() => publish(join(folder, 'nothing'), out, new Set(['bundle.json'])), { code: 'ENOENT' })
  t.same(readdirSync(folder), ['out'])
  t.same(readdirSync(out).sort(), ['README.md', 'bundle.json'])
  mkdirSync(join(folder, 'partial'))
  writeFileSync(join(folder, 'partial', 'bundle.json'), 'new')
  publish(join(folder, 'partial'), out, new Set(['bundle.json']))
  t.ok(existsSync(join(out, 'README.md')))
})
