import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadReference, type Reference, REFERENCE_FILE } from '../../src/bundle/reference.js'
import { manifest } from '../http/helpers.js'
import { referenceOf } from '../support/references.js'

const folderWith = (t: Test, content: unknown) => {
  const folder = t.testdir()
  writeFileSync(join(folder, REFERENCE_FILE), typeof content === 'string' ? content : JSON.stringify(content))
  return folder
}

t.test('what a bundle has is read; a bundle may have none', async (t) => {
  const reference = referenceOf(manifest)
  t.strictSame(await loadReference(folderWith(t, reference), manifest), reference)
  t.equal(await loadReference(join(t.testdir(), 'none'), manifest), null)
})

t.test('whatever is wrong with it is named', async (t) => {
  const edited = (edit: (reference: Reference) => unknown) => {
    const reference = referenceOf(manifest)
    edit(reference)
    return reference
  }
  const cases: [unknown, RegExp][] = [
    ['{', /^reference\.json: not JSON$/],
    [[], /^reference\.json: \/ must/],
    ['null', /^reference\.json: \/ must/],
    [{ ...referenceOf(manifest), format_version: 1 }, /format version 1; this server reads version 2/],
    [{ ...referenceOf(manifest), texts: [] }, /^reference\.json: \/texts is not a known key/],
    [edited((r) => r.score.percentiles.pop()), /\/score\/percentiles must/],
    [edited((r) => (r.conversations = 0)), /\/conversations must/],
    [edited((r) => (r.model_revision = 'fedcba9876543210')), /made with revision fedcba9876543210 .* calibrate again/],
    [edited((r) => r.objectives.reverse()), /\/objectives are not the model's: calibrate again/],
    [edited((r) => r.objectives.pop()), /\/objectives are not the model's: calibrate again/],
    [edited((r) => (r.score.percentiles[50] = -5)), /\/score\/percentiles\/50 is less than the one before it/],
    [
      edited((r) => r.objectives[2]!.gating.percentiles.reverse()),
      /\/objectives\/2\/gating\/percentiles\/1 is less than the one before it/
    ]
  ]
  for (const [content, message] of cases) {
    await t.rejects(loadReference(folderWith(t, content), manifest), { code: 'bundle_invalid', message })
  }
  const folder = t.testdir()
  mkdirSync(join(folder, REFERENCE_FILE), { recursive: true })
  await t.rejects(loadReference(folder, manifest), { code: 'bundle_invalid', message: /cannot be read \(EISDIR\)/ })
})
