import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { documents, prose, read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

/** Anchor that a heading gets: lower case, words joined by dashes, other marks left out. */
function anchor(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}

function anchors(path: string): string[] {
  return [...prose(read(path)).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchor(heading))
}

t.test('every relative link leads to a file, and to a heading where it names one', async (t) => {
  const found = documents()
  t.ok(found.includes('README.md') && found.includes('docs/text.md'), 'the documents are found')
  for (const path of found) {
    for (const [, target = ''] of prose(read(path)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [file = '', heading] = target.split('#')
      const linked = file === '' ? path : join(dirname(path), file)
      t.ok(!linked.startsWith('..') && existsSync(join(ROOT, linked)), `${path}: ${target}`)
      if (heading !== undefined && statSync(join(ROOT, linked)).isFile()) {
        t.ok(anchors(linked).includes(heading), `${path}: ${target} has its heading`)
      }
    }
  }
})
