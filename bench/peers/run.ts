/** Programs that prepare something and end. */
import { spawn } from 'node:child_process'

const LAST_WORDS = 300

/**
 * @param complaint what it means when the program fails
 * @returns what it printed
 * @throws Error with the complaint and the program's last words
 */
export function run(
  command: string,
  args: readonly string[],
  complaint: string,
  folder: string = process.cwd()
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let [output, words] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-LAST_WORDS)))
    child.once('error', ({ message }) => reject(new Error(`${complaint}: ${message}`)))
    child.once('close', (code) => {
      if (code === 0) resolve(output.trim())
      else reject(new Error(`${complaint}: ${words.trim().split('\n').at(-1) ?? ''}`))
    })
  })
}
