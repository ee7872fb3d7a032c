/** Commands of a document, in its order, each with the output that the document shows for it. */

export interface Block {
  readonly language: string
  readonly text: string
  /** Line of the opening fence, counted from 1. */
  readonly line: number
  /** Heading of level 2 that it stands under; '' before the first. */
  readonly section: string
  readonly marks: Marks
}

/** What the HTML comment before a fence says. */
export interface Marks {
  /** Why the command is not run; null where it is. */
  readonly notRun: string | null
  /** The output shown is a part of what is printed. */
  readonly shortened: boolean
  /** Numbers of the output differ from machine to machine. */
  readonly numbersDiffer: boolean
}

export interface Step {
  readonly command: Block
  readonly output: Block | null
}

const FENCE = /(?:^<!-- (?<mark>[^\n]*) -->\n)?^```(?<language>\w*)\n(?<text>.*?)^```$/gms
const OUTPUTS = ['json', 'text']

/** @throws Error for a comment that says something else */
function marksOf(comment: string | undefined): Marks {
  const marks = { notRun: null as string | null, shortened: false, numbersDiffer: false }
  if (comment === undefined) return marks
  const known = /^(?:not run: (?<notRun>.+)|(?<shortened>shortened)?(?:, )?(?<differ>numbers differ: .+)?)$/.exec(
    comment
  )
  if (!known) throw new Error(`the comment before a fence says "${comment}"`)
  const { notRun, shortened, differ } = known.groups ?? {}
  return { notRun: notRun ?? null, shortened: shortened !== undefined, numbersDiffer: differ !== undefined }
}

/** Fenced blocks of a document. */
export function blocks(text: string): Block[] {
  return [...text.matchAll(FENCE)].map((match) => {
    const { mark, language = '', text: body = '' } = match.groups ?? {}
    const before = text.slice(0, match.index)
    const lines = before.split('\n').length + (mark === undefined ? 0 : 1)
    const section = [...before.matchAll(/^## (.+)$/gm)].at(-1)?.[1] ?? ''
    return { language, text: body, line: lines, section, marks: marksOf(mark) }
  })
}

/** Shell blocks, each with the block of output behind it, if there is one in its section. */
export function steps(found: readonly Block[]): Step[] {
  return found.flatMap((command, i) => {
    if (command.language !== 'sh') return []
    const next = found[i + 1]
    const shown = next && OUTPUTS.includes(next.language) && next.section === command.section
    return [{ command, output: shown ? next : null }]
  })
}

/** Blocks that are neither a command nor the output of one. */
export function others(found: readonly Block[]): Block[] {
  const known = new Set(steps(found).flatMap(({ command, output }) => [command, output]))
  return found.filter((block) => !known.has(block))
}

/** Commands that stand within a line of prose. */
export function inlineCommands(text: string): string[] {
  const prose = text.replace(FENCE, '')
  const programs = 'bash|cat|cd|cp|curl|docker|git|kill|kubectl|ln|node|npm|npx|pip|pip3|python|python3'
  return [...prose.matchAll(new RegExp(`\`((?:${programs}) [^\`\\n]+)\``, 'g'))].map(([, command = '']) => command)
}
