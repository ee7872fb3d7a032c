/** Rows of data as training takes them: fields found by their columns, ratings brought to 0..1, all of it checked. */
import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import type { DataRow } from '../../data/rows.js'
import { ArmormError } from '../../errors.js'
import type { Message } from '../../text/conversation.js'
import { checkMessages } from '../../text/rules.js'
import type { SetName } from '../embedded-set.js'
import { toLabel } from './scale.js'
import type { DataSettings, FileColumns } from './settings.js'

export interface TrainRow {
  readonly place: string
  readonly key: string
  readonly source?: string
  readonly category?: string
  readonly split?: 'train' | 'heldout'
  readonly margin?: number
  /** What the answer follows. */
  readonly prompt: readonly Message[]
  /** The response; of a preference the chosen and the rejected one. */
  readonly responses: readonly string[]
  /** 0..1 by objective, where there is a rating; ratings only. */
  readonly labels: ReadonlyMap<string, number>
  /** Share of the file that is read by now. */
  readonly done: number
}

const SPLITS: Readonly<Record<string, TrainRow['split']>> = {
  train: 'train',
  heldout: 'heldout',
  test: 'heldout',
  validation: 'heldout'
}

type Columns = Partial<Omit<FileColumns, 'match'>>
type Field = Exclude<keyof Columns, 'ratings'>

/** Where a file has its fields: the first entry of the settings that is for its name, without it the names of `Columns`. */
export function columnsOf(path: string, { columns }: DataSettings): Columns {
  const found = columns.files.find(({ match }) => matches(match, basename(path))) ?? {}
  return Object.fromEntries(Object.entries(found).filter(([name]) => name !== 'match'))
}

/** Patterns of `data.columns` that none of the files has: a mistyped one would leave its file to the default names. */
export function unmatched(paths: readonly string[], { columns }: DataSettings): string[] {
  const patterns = columns.files.map(({ match }) => match)
  return patterns.filter((pattern) => !paths.some((path) => matches(pattern, basename(path))))
}

/** Reads the rows of one file. */
export class TrainRowReader {
  readonly #set: SetName
  readonly #settings: DataSettings
  readonly #columns: Columns
  /** Columns that the settings name and no row had so far. */
  readonly #unseen: Set<string>

  constructor(path: string, set: SetName, settings: DataSettings) {
    this.#set = set
    this.#settings = settings
    this.#columns = columnsOf(path, settings)
    const { ratings = {}, ...fields } = this.#columns
    const rated = set === 'ratings' ? Object.values(ratings).map(({ column }) => column) : []
    this.#unseen = new Set([...Object.values(fields), ...rated])
  }

  /** @throws ArmormError invalid_data naming the place */
  read({ place, value, done }: DataRow): TrainRow {
    const row = value as Record<string, unknown>
    if (this.#unseen.size > 0) for (const name of Object.keys(row)) this.#unseen.delete(name)
    const fail = (message: string, cause?: unknown): never => {
      throw new ArmormError('invalid_data', `${place}: ${message}`, {}, cause)
    }
    const { prompt, responses } = this.#conversation(row, fail)
    const source = text('source', this.#field(row, 'source'), fail)
    const category = text('category', this.#field(row, 'category'), fail)
    const split = this.#split(row, fail)
    const margin = this.#set === 'preferences' ? number('margin', this.#field(row, 'margin'), fail) : undefined
    if (margin !== undefined && margin < 0)
      fail(`its ${this.#name('margin')} is negative: the rejected response is better`)
    const key = text('key', this.#field(row, 'key'), fail) ?? promptHash(prompt)
    return {
      place,
      key,
      ...(source !== undefined && { source }),
      ...(category !== undefined && { category }),
      ...(split !== undefined && { split }),
      ...(margin !== undefined && { margin }),
      prompt,
      responses,
      labels: this.#set === 'ratings' ? this.#labels(row, fail) : new Map(),
      done
    }
  }

  /** To be called at the end of the file. @throws ArmormError invalid_config for a column that no row had */
  finish(path: string): void {
    const [column] = this.#unseen
    if (column === undefined) return
    throw new ArmormError('invalid_config', `data.columns names the column "${column}", which ${path} does not have`)
  }

  #name(field: Field): string {
    return this.#columns[field] ?? field
  }

  #field(row: Record<string, unknown>, field: Field): unknown {
    return row[this.#name(field)] ?? undefined
  }

  #conversation(row: Record<string, unknown>, fail: Fail): Pick<TrainRow, 'prompt' | 'responses'> {
    const names: Field[] = this.#set === 'preferences' ? ['chosen', 'rejected'] : ['response']
    const prompt = promptOf(this.#name('prompt'), this.#field(row, 'prompt'), fail)
    const whole = names.map((field): Message[] => {
      const found = this.#field(row, field)
      if (found === undefined && field === 'response') {
        if (Array.isArray(row.messages)) return messagesOf('messages', row.messages, fail)
      }
      if (typeof found === 'string') {
        if (!prompt) return fail(`it has no ${this.#name('prompt')}`)
        return [...prompt, { role: 'assistant', content: found }]
      }
      if (!Array.isArray(found)) return fail(`it has no ${this.#name(field)} that is a text or a list of messages`)
      const messages = messagesOf(this.#name(field), found, fail)
      // A list is the answer alone, after the prompt; or the whole conversation.
      if (messages[0]?.role !== 'assistant') return messages
      return prompt ? [...prompt, ...messages] : fail(`it has no ${this.#name('prompt')}`)
    })
    const checked = whole.map((messages) => {
      try {
        return checkMessages(messages)
      } catch (error) {
        if (!(error instanceof ArmormError)) throw error
        return fail(error.message, error)
      }
    })
    const [first, second] = checked.map((messages) => messages.slice(0, -1))
    if (second && JSON.stringify(first) !== JSON.stringify(second)) {
      fail(`${this.#name('chosen')} and ${this.#name('rejected')} do not follow the same prompt`)
    }
    return { prompt: first!, responses: checked.map((messages) => messages.at(-1)!.content) }
  }

  #split(row: Record<string, unknown>, fail: Fail): TrainRow['split'] {
    const found = text('split', this.#field(row, 'split'), fail)
    if (found === undefined || Object.hasOwn(SPLITS, found)) return found === undefined ? undefined : SPLITS[found]
    return fail(`its ${this.#name('split')} is none of ${Object.keys(SPLITS).join(', ')}`)
  }

  #labels(row: Record<string, unknown>, fail: Fail): Map<string, number> {
    const { ratings } = this.#columns
    const labels = new Map<string, number>()
    const add = (objective: string, found: unknown, scale: Parameters<typeof toLabel>[1], outOfRange: OutOfRange) => {
      if (found === undefined || found === null) return
      const label = toLabel(found, scale, outOfRange)
      if (typeof label === 'string') fail(`its rating of ${objective} ${label}`)
      else labels.set(objective, label)
    }
    const { out_of_range: outOfRange } = this.#settings
    if (ratings) {
      for (const [objective, { column, scale, out_of_range }] of Object.entries(ratings)) {
        add(objective, row[column], scale, out_of_range ?? outOfRange)
      }
      return labels
    }
    const found = row.ratings
    if (typeof found !== 'object' || found === null || Array.isArray(found)) {
      return fail('it has no ratings, {objective: number}; data.columns says where files of other forms have them')
    }
    for (const [objective, value] of Object.entries(found)) add(objective, value, undefined, outOfRange)
    return labels
  }
}

type OutOfRange = DataSettings['out_of_range']
type Fail = (message: string, cause?: unknown) => never

/** Whether a file's name is that of the pattern, in which * stands for any characters. */
function matches(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
}

/** A text, or a number that names something; undefined where there is none. */
function text(field: string, found: unknown, fail: Fail): string | undefined {
  if (found === undefined || found === '') return undefined
  if (typeof found === 'string') return found
  if (typeof found === 'number' || typeof found === 'bigint') return String(found)
  return fail(`its ${field} is no text`)
}

function number(field: string, found: unknown, fail: Fail): number | undefined {
  if (found === undefined) return undefined
  const value = typeof found === 'bigint' ? Number(found) : found
  if (typeof value === 'number' && Number.isFinite(value)) return value
  return fail(`its ${field} is not a finite number`)
}

function promptOf(name: string, found: unknown, fail: Fail): Message[] | undefined {
  if (found === undefined) return undefined
  if (typeof found === 'string') return [{ role: 'user', content: found }]
  if (Array.isArray(found)) return messagesOf(name, found, fail)
  return fail(`its ${name} is no text and no list of messages`)
}

/** Role and content of each; a message may have other fields. */
function messagesOf(name: string, found: readonly unknown[], fail: Fail): Message[] {
  return found.map((message, i) => {
    const { role, content } = (message ?? {}) as Partial<Record<keyof Message, unknown>>
    if (typeof role === 'string' && typeof content === 'string') return { role, content }
    return fail(`message ${i} of its ${name} has no role and content that are texts`)
  })
}

/** The same for prompts that differ in case, white space or Unicode's forms alone. */
function promptHash(prompt: readonly Message[]): string {
  const normalised = prompt.map(({ role, content }) => [
    role,
    content.normalize('NFKC').toLowerCase().replace(/\s+/gu, ' ').trim()
  ])
  return createHash('sha256').update(JSON.stringify(normalised)).digest('hex').slice(0, 16)
}
