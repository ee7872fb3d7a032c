import { readFileSync } from 'node:fs'
import t from 'tap'
import { documents, read } from '../support/documents.js'
import { ROOT } from '../support/paths.js'
import { blocks, inlineCommands, others, steps } from './blocks.js'
import { LEFT_OUT, RUN } from './documents.js'

const fence = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`

t.test('a shell block takes the block of output behind it, within its section', async (t) => {
  const text = [
    fence('json', '{}'),
    `## One\n\n${fence('sh', 'a')}so:\n\n${fence('json', '1')}${fence('json', '2')}`,
    `## Two\n\n${fence('sh', 'b')}`,
    `## Three\n\n${fence('text', 'no output')}`
  ].join('\n')
  const found = blocks(text)
  t.strictSame(
    steps(found).map(({ command, output }) => [command.section, command.text, output?.text]),
    [
      ['One', 'a\n', '1\n'],
      ['Two', 'b\n', undefined]
    ]
  )
  t.strictSame(
    others(found).map((block) => block.text),
    ['{}\n', '2\n', 'no output\n']
  )
})

t.test('lines and marks are those of the fence', async (t) => {
  const text = [
    `one\n\n<!-- not run: it needs a moon -->\n${fence('sh', 'launch')}`,
    `<!-- shortened -->\n${fence('json', '1')}`,
    `<!-- numbers differ: why -->\n${fence('text', '1')}`,
    `<!-- shortened, numbers differ: why -->\n${fence('text', '1')}`
  ].join('\n')
  const found = blocks(text)
  t.strictSame(
    found.map(({ line, marks }) => [line, marks.notRun, marks.shortened, marks.numbersDiffer]),
    [
      [4, 'it needs a moon', false, false],
      [9, null, true, false],
      [14, null, false, true],
      [19, null, true, true]
    ]
  )
  t.throws(() => blocks(`<!-- notrun: typo -->\n${fence('sh', 'a')}`), /"notrun: typo"/)
})

t.test('every block of the README is a command or its output', async (t) => {
  t.strictSame(
    others(blocks(read('README.md'))).map(({ language, line }) => [language, line]),
    []
  )
})

t.test('every command within the prose of the README is one that is run', async (t) => {
  const ran = [
    ...steps(blocks(read('README.md'))).map(({ command }) => command.text),
    readFileSync(`${ROOT}.ci/run`, 'utf8')
  ]
  for (const command of inlineCommands(read('README.md'))) {
    t.ok(
      ran.some((text) => text.includes(command)),
      command
    )
  }
  t.strictSame(inlineCommands(`Say \`npm run x\`, or \`none\`.\n\n${fence('sh', 'echo `npm run y`')}`), ['npm run x'])
})

t.test('of every document with commands it is said whether they are run', async (t) => {
  const withCommands = documents().filter((path) => steps(blocks(read(path))).length > 0)
  t.strictSame(withCommands.sort(), [...RUN, ...Object.keys(LEFT_OUT)].sort())
})
