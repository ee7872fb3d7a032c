/** .github/workflows: least permissions, exact versions, nothing of a pull request in a shell. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

interface Workflow {
  readonly permissions: unknown
  readonly jobs: Readonly<
    Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly { uses?: string; run?: string }[] }>
  >
}

const FOLDER = '.github/workflows'

for (const file of readdirSync(join(ROOT, FOLDER))) {
  t.test(file, async (t) => {
    const { permissions, jobs } = parse(read(join(FOLDER, file))) as Workflow
    t.strictSame(permissions, { contents: 'read' }, 'a job that needs more says so itself')
    for (const [name, { steps, 'timeout-minutes': minutes }] of Object.entries(jobs)) {
      t.ok(minutes, `${name} has an end`)
      for (const { uses, run } of steps) {
        if (uses) t.match(uses, /@v\d+\.\d+\.\d+$/, `${name}: ${uses}`)
        t.notMatch(run ?? '', /\$\{\{/, `${name}: an expression in a shell is a way in`)
      }
    }
  })
}
