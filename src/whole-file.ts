/** Files that appear whole or not at all: whoever reads or is killed meanwhile never has half of one. */
import { open, rename, rm } from 'node:fs/promises'

/** Where a file is while it is written. */
export const partialName = (path: string): string => `${path}.partial`

/** Writes a text in one move, on the disk when it returns. What fails leaves nothing behind. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const partial = partialName(path)
  try {
    const file = await open(partial, 'w')
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}
