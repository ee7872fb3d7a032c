/** The documentation, and the parts of it that tests hold to the code. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './paths.js'

const OTHERS = new Set(['node_modules', 'build', 'bundles'])

/** Every Markdown file of the checkout, relative to its root. */
export function documents(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return OTHERS.has(entry.name) || entry.name.startsWith('.') ? [] : documents(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

export interface Fence {
  readonly language: string
  readonly text: string
}

/** Fenced blocks. */
export function fences(text: string): Fence[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', body = '']) => ({
    language,
    text: body
  }))
}

/** Text without its fenced and indented blocks. */
export function prose(text: string): string {
  return text.replace(/^```\w*\n.*?^```$/gms, '').replace(/^ {4}.*$/gm, '')
}

/** Text under a heading of level 2, up to the next. */
export function section(text: string, heading: string): string {
  const [, found] = text.split(`\n## ${heading}\n`)
  if (found === undefined) throw new Error(`there is no section "${heading}"`)
  return found.split('\n## ', 1)[0] ?? ''
}

/** Cells of the rows whose first cell is one or more names in code marks, without header and ruler. */
export function tableRows(text: string): string[][] {
  return [...text.matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) => row.split(' | ').map((cell) => cell.trim()))
}

/** What stands in code marks. */
export function marked(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}
