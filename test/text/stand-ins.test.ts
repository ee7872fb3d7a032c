import t from 'tap'
import { AddedTokenMatcher } from '../../src/text/added-tokens.js'
import { StandIns } from '../../src/text/stand-ins.js'

function matcher(...contents: string[]): AddedTokenMatcher {
  const flags = { special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }
  return new AddedTokenMatcher(contents.map((content, id) => [content, { id, content, ...flags }]))
}

t.test('hides every place where a special token starts, overlapping ones too, and gives the text back', async (t) => {
  const special = matcher('<a>', '>b<', '|')
  const content = 'x<a>b<a>|<a <<a>> \ufeff'
  const standIns = new StandIns(special, [content])
  for (const hiding of ['light', 'thorough'] as const) {
    const hidden = standIns.hide(content, hiding)
    t.equal(hidden.length, content.length)
    t.strictSame(
      special.split(hidden).filter(({ token }) => token),
      [],
      hiding
    )
    t.equal(standIns.restore(hidden), content)
  }
  t.match(standIns.hide('a < b', 'light'), 'a < b', 'what spells no special token is left alone')
  t.notMatch(standIns.hide('a < b', 'thorough'), '<')
})

t.test('a byte order mark survives trim, as it does in Python', async (t) => {
  const standIns = new StandIns(matcher('<a>'), ['\ufeffx\ufeff'])
  t.equal(standIns.restore(standIns.hide('\ufeffx\ufeff ', 'light').trim()), '\ufeffx\ufeff')
})

t.test('works with texts that hold every private-use character', async (t) => {
  const all = Array.from({ length: 0xf8ff - 0xe000 + 1 }, (_, i) => String.fromCharCode(0xe000 + i)).join('')
  const content = `${all}<a>\u{10000}😀${all}`
  const standIns = new StandIns(matcher('<a>'), [content])
  const hidden = standIns.hide(content, 'light')
  t.notMatch(hidden, '<a>')
  t.equal(standIns.restore(hidden), content)
})
