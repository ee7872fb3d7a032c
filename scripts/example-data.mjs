// `node scripts/example-data.mjs <folder>`: data to try `armorm train` and `armorm evaluate` with, of the form that they
// read, made from five answers of each group in bench/conversations.jsonl. The first answer of a group is the complete one.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of a group. All nine would take the commands that read them twice as long. */
const ANSWERS = 5

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('example-data: name the folder to write to')
  process.exit(1)
}
const source = join(dirname(dirname(fileURLToPath(import.meta.url))), 'bench', 'conversations.jsonl')
const groups = readFileSync(source, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))
  .map((group) => ({ ...group, responses: group.responses.slice(0, ANSWERS) }))

/** @param rowsOf - the rows that one group gives */
function write(name, rowsOf) {
  const rows = groups.flatMap(rowsOf)
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  console.log(`${join(folder, name)}: ${rows.length} rows`)
}

mkdirSync(folder, { recursive: true })
write('ratings.jsonl', ({ prompt, responses }) =>
  responses.map((response, i) => ({ prompt, response, ratings: { completeness: Number(i === 0) } }))
)
write('preferences.jsonl', ({ category, prompt, responses: [chosen, ...others] }) =>
  others.map((rejected) => ({ category, prompt, chosen, rejected }))
)
