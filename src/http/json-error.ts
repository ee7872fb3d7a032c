/**
 * Where a text stops being JSON. The engine's own message quotes the text, which must reach neither a log nor
 * another reader's screen; an offset says enough.
 */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LITERAL = /true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const SPACE = /[ \t\n\r]*/y

/** Length of what `pattern` matches at `at`; 0 when nothing. */
function matched(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}

/** Offset behind the string that opens at `at`, or the negative, minus one, of the offset that breaks it. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length;) {
    const code = text.charCodeAt(i)
    if (code === 0x22) return i + 1
    if (code < 0x20) return -i - 1
    const length = code === 0x5c ? matched(ESCAPE, text, i) : 1
    if (length === 0) return -i - 1
    i += length
  }
  return -text.length - 1
}

type Expecting = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'next' | 'end'

/** Offset of the first character that cannot stand where it does, `text.length` if more was due, null for JSON. */
export function jsonErrorOffset(text: string): number | null {
  const closers: ('}' | ']')[] = []
  let expecting: Expecting = 'value'
  let at = 0
  for (;;) {
    at += matched(SPACE, text, at)
    const char = text[at]
    if (char === undefined) return expecting === 'end' ? null : at
    let ended = false
    if (expecting === 'colon') {
      if (char !== ':') return at
      expecting = 'value'
      at++
    } else if (expecting === 'end') {
      return at
    } else if (expecting === 'next' && char === ',') {
      expecting = closers.at(-1) === '}' ? 'key' : 'value'
      at++
    } else if (expecting === 'next' || (expecting.startsWith('first') && char === closers.at(-1))) {
      if (char !== closers.pop()) return at
      at++
      ended = true
    } else if (char === '"') {
      const end = stringEnd(text, at)
      if (end < 0) return -end - 1
      at = end
      if (expecting === 'key' || expecting === 'first key') expecting = 'colon'
      else ended = true
    } else if (expecting === 'key' || expecting === 'first key') {
      return at
    } else if (char === '{' || char === '[') {
      closers.push(char === '{' ? '}' : ']')
      expecting = char === '{' ? 'first key' : 'first value'
      at++
    } else {
      const length = matched(NUMBER, text, at) || matched(LITERAL, text, at)
      if (length === 0) return at
      at += length
      ended = true
    }
    if (ended) expecting = closers.length === 0 ? 'end' : 'next'
  }
}
