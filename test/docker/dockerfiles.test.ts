/** The Dockerfiles: exact versions, and everything that the server reads. What they build is tried by
 * `npm run test:image`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { optionSchema } from '../../src/config/schema.js'
import { read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'

const FILES = ['Dockerfile', 'docker/Dockerfile.cuda']

/** Instructions, each on one line, without comments. */
function instructions(file: string): string[] {
  const lines = read(file).replace(/^#.*\n/gm, '')
  return lines
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
}

/** What is copied from the checkout. */
function copied(file: string): string[] {
  const own = instructions(file).filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
  return own.flatMap((line) => line.split(' ').slice(1, -1))
}

for (const file of FILES) {
  t.test(file, async (t) => {
    const lines = instructions(file)
    const argument = (name: string) => lines.find((line) => line.startsWith(`ARG ${name}=`))?.split('=')[1] ?? ''
    for (const name of lines.flatMap((line) => /^FROM \$\{(\w+)\}/.exec(line)?.[1] ?? [])) {
      t.match(argument(name), /:\d+\.\d+\.\d+-/, `${name} has an exact version`)
    }
    t.equal(argument('NODE_IMAGE'), instructions('Dockerfile')[0]?.split('=')[1], 'one Node for all images')

    const context = read('.dockerignore').split('\n')
    for (const path of copied(file)) {
      t.ok(existsSync(join(ROOT, path)), path)
      t.ok(
        context.some((line) => line !== '' && (path === line.slice(1) || path.startsWith(`${line.slice(1)}/`))),
        `${path} is in the context`
      )
    }
    // Compiled modules find these beside them, in an image as in the package.
    const { files } = JSON.parse(read('package.json')) as { files: readonly string[] }
    for (const path of files.filter((path) => /^(src\/|models$)/.test(path))) {
      t.ok(
        lines
          .slice(lines.findLastIndex((line) => line.startsWith('FROM ')))
          .some((line) => line.startsWith(`COPY ${path} `)),
        path
      )
    }

    t.ok(lines.includes(`EXPOSE ${optionSchema('port').default}`))
    t.ok(lines.some((line) => line.startsWith('HEALTHCHECK') && line.includes('/readyz')))
  })
}
