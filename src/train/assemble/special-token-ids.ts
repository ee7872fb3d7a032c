/** Ids that a bundle's config.json would have: PyTorch users' code reads them. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const KEYS = ['bos_token', 'eos_token', 'pad_token'] as const

interface AddedToken {
  readonly id?: unknown
  readonly content?: unknown
}

/**
 * `bos_token_id`, `eos_token_id` and `pad_token_id`, as tokenizer_config.json names the tokens and tokenizer.json numbers
 * them; none where the files do not say.
 */
export async function specialTokenIds(folder: string): Promise<Record<string, number>> {
  const read = async (name: string): Promise<unknown> => {
    try {
      return JSON.parse(await readFile(join(folder, name), 'utf8'))
    } catch {
      return null
    }
  }
  const config = (await read('tokenizer_config.json')) as Record<string, unknown> | null
  const tokenizer = (await read('tokenizer.json')) as { added_tokens?: AddedToken[] } | null
  const ids: Record<string, number> = {}
  for (const key of KEYS) {
    const token = config?.[key]
    const text = typeof token === 'string' ? token : (token as AddedToken | null | undefined)?.content
    const id = tokenizer?.added_tokens?.find(({ content }) => content === text)?.id
    if (text !== undefined && typeof id === 'number') ids[`${key}_id`] = id
  }
  return ids
}
