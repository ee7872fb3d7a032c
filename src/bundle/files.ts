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

/** Parts of a manifest that say who made the bundle and what to expect of it, not what it computes. */
const NOT_HASHED = new Set(['model', 'self_test', 'fidelity'])

/**
 * Revision of a model: the first 16 hex digits of the SHA-256 over all of the manifest that decides a reward or its
 * names: checksums of the files, objectives, gate pattern, transform, longest sequence.
 */
export function revisionOf(manifest: object): string {
  const parts = Object.entries(manifest).filter(([name]) => !NOT_HASHED.has(name))
  return createHash('sha256')
    .update(JSON.stringify(sorted(Object.fromEntries(parts))))
    .digest('hex')
    .slice(0, 16)
}

/** The same JSON value with the keys of every object in order, so that their order does not matter. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)])
  )
}
