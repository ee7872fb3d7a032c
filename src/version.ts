/** The version of this package, as package.json has it. */
import { readFile } from 'node:fs/promises'

export async function packageVersion(): Promise<string> {
  // Compiled files lie in build/src, two folders below the package's root.
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
