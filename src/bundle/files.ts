/** Names and checksums of a bundle's files. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

export const BACKBONE_FILE = 'backbone.onnx'
export const BACKBONE_DATA_FILE = 'backbone.onnx.data'
export const HEADS_FILE = 'heads.onnx'
export const TOKENIZER_FILE = 'tokenizer.json'
/** Copied from the checkpoint where it has them; the first one makes the bundle take text. */
export const TEXT_FILES = [TOKENIZER_FILE, 'tokenizer_config.json', 'chat_template.jinja'] as const

/** SHA-256 of a file as 64 hex digits, and its size; streamed. */
export async function checksum(path: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytes += chunk.length
    }
  })
  return { sha256: hash.digest('hex'), bytes }
}

/** Revision of a model: the first 16 hex digits of the SHA-256 over its files' names and checksums. */
export function revisionOf(files: Readonly<Record<string, { sha256: string }>>): string {
  const lines = Object.keys(files)
    .sort()
    .map((name) => `${name} ${files[name]!.sha256}\n`)
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16)
}
