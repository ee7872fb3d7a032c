/** Blocks of reasoning (`<think>...</think>`) at the start of an assistant's content, as Qwen3 and DeepSeek-R1 have them. */
import { skipSpace } from './edges.js'

const OPEN = '<think>'
const CLOSE = '</think>'

/**
 * The content without the block that templates write where nothing was thought: `<think>\n\n</think>\n\n` (Qwen3), or
 * `</think>` alone (DeepSeek-V3.1).
 */
export function withoutEmptyThinking(content: string): string {
  const opened = content.startsWith(OPEN) ? skipSpace(content, OPEN.length) : 0
  return content.startsWith(CLOSE, opened) ? afterNewlines(content, opened + CLOSE.length) : content
}

/** The content behind its first block of reasoning; nothing is left of one that never closes. */
export function withoutThinking(content: string): string {
  const at = skipSpace(content, 0)
  if (!content.startsWith(OPEN, at)) return content
  const close = content.indexOf(CLOSE, at + OPEN.length)
  return close < 0 ? '' : afterNewlines(content, close + CLOSE.length)
}

function afterNewlines(content: string, at: number): string {
  while (content[at] === '\n') at++
  return content.slice(at)
}
