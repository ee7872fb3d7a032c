import t from 'tap'
import { blocks } from './blocks.js'
import { difference } from './compare.js'

/** What is wrong when a document shows this, behind this comment, and something else is printed. */
function found(language: 'json' | 'text', shown: string, printed: string, comment?: string): string | null {
  const [block] = blocks(`${comment ? `<!-- ${comment} -->\n` : ''}\`\`\`${language}\n${shown}\n\`\`\`\n`)
  return difference(block!, printed)
}

t.test('JSON is the same but for the last digits and for what is new each time', async (t) => {
  const shown = '{"score": 0.414027631, "explain_id": "a", "timing": {"run_ms": 3}, "list": [1, 2]}'
  const same = '{"list":[1,2],"timing":{"run_ms":99},"explain_id":"b","score":0.41402801}'
  t.equal(found('json', shown, same), null)
  for (const [from, to] of [
    ['0.41402801', '0.4142'],
    ['0.41402801', '"0.414027631"'],
    ['"explain_id":"b",', ''],
    ['"b"', 'null'],
    ['[1,2]', '[1,2,3]'],
    ['[1,2]', '[2,1]'],
    ['"list"', '"more":1,"list"']
  ] as const) {
    const other = same.replace(from, to)
    t.not(other, same)
    t.not(found('json', shown, other), null, other)
  }
  t.match(found('json', shown, 'curl: (7)'), /no JSON was printed, but curl/)
})

t.test('shortened JSON is a part of what is printed', async (t) => {
  const printed = '{"a": 1, "b": [{"name": "x", "n": 1}, {"name": "y", "n": 2}], "c": [1, 2]}'
  const short = (shown: string) => found('json', shown, printed, 'shortened')
  t.equal(short('{"b": [{"name": "y"}]}'), null)
  t.equal(short('{"b": [{"name": "x"}, {"n": 2}], "c": [2]}'), null)
  t.match(short('{"b": [{"name": "z"}]}'), /\/b\/0 is none of the 2 items/)
  t.match(short('{"c": [2, 1, 0]}'), /\/c\/1 is none/)
  t.match(short('{"d": 1}'), /\/d is shown and not printed/)
})

t.test('text is the same line by line but for the last digits and the width of columns', async (t) => {
  t.equal(found('text', 'a   1.00001\nb', 'a 1.0\nb\n'), null)
  t.match(found('text', 'a 1\nb', 'a 1\nc\n'), /"b" is shown/)
  t.match(found('text', 'a 1', 'a 2\n'), /"a 1" is shown/)
  t.match(found('text', 'a', 'a\nb\n'), /not shown:\nb/)
  t.match(found('text', 'b', 'a\nb\n'), /"b" is shown/)
})

t.test('lines are left out where it says so', async (t) => {
  t.equal(found('text', 'a\n...\nd', 'a\nb\nc\nd\n'), null)
  t.match(found('text', 'a\n...\nd', 'a\nb\nd\ne\n'), /not shown:\ne/)
  t.equal(found('text', 'b\nd', 'a\nb\nc\nd\ne\n', 'shortened'), null)
  t.match(found('text', 'd\nb', 'a\nb\nc\nd\n', 'shortened'), /"b" is shown/)
})

t.test('numbers may be any where it says so, words not', async (t) => {
  const any = (shown: string, printed: string) =>
    found('text', shown, printed, "numbers differ: they are this machine's")
  t.equal(any('ok 3 cores', 'ok 64 cores\n'), null)
  t.match(any('ok 3 cores', 'fail 3 cores\n'), /"ok 3 cores" is shown/)
})
