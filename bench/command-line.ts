/** What a program of the bench prints when it is asked for help, or when something is wrong. */

/** An option that is missing or wrong: its message is followed by the program's usage. */
export class WrongOption extends Error {}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** @param text - of the option `--name`. @throws WrongOption for anything but an integer from `least` on */
export function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= least) return value
  throw new WrongOption(`--${name} must be an integer from ${least}, but is ${text}`)
}

/**
 * Runs a program. `--help` prints its usage; an error ends it with code 1 and its message.
 * @param name - of the program, before messages
 * @param main - reads `args`, with parseArgs
 */
export async function program(
  name: string,
  usage: string,
  main: (args: string[]) => Promise<void>,
  args = process.argv.slice(2)
): Promise<void> {
  if (args.includes('--help')) {
    console.log(usage)
    return
  }
  try {
    await main(args)
  } catch (error) {
    console.error(`${name}: ${messageOf(error)}`)
    if (isWrongOption(error)) console.error(usage)
    process.exitCode = 1
  }
}

function isWrongOption(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return error instanceof WrongOption || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'))
}
