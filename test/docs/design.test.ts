import { readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import t from 'tap'
import { marked, read, section, tableRows } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

const ROWS = tableRows(section(read('docs/design.md'), 'Folders')).map(([name = '', , imports = '']) => ({
  folder: marked(name)[0] ?? '',
  imports: marked(imports)
}))

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

/** Folders of src that the files of one import from, itself and the files of src's root left out. */
function importsOf(folder: string): string[] {
  const imported = sources(join('src', folder)).flatMap((path) =>
    [...read(path).matchAll(/from '(\.[^']+)'/g)].map(([, target = '']) => normalize(join(dirname(path), target)))
  )
  const folders = imported.map((path) => path.split('/')).filter((parts) => parts.length > 2)
  return [...new Set(folders.map((parts) => parts[1] ?? ''))].filter((name) => name !== folder).sort()
}

t.test('design.md lists the folders of src', async (t) => {
  const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true })
  // An empty folder is none: git does not keep it.
  const folders = entries.filter((entry) => entry.isDirectory() && sources(join('src', entry.name)).length > 0)
  t.strictSame(ROWS.map(({ folder }) => folder).sort(), folders.map(({ name }) => name).sort())
})

t.test('a folder imports from those that design.md allows', async (t) => {
  for (const { folder, imports } of ROWS) {
    t.strictSame(importsOf(folder), [...imports].sort(), folder)
  }
})
