/** Which conversations a row of a data set holds. */
import { type DataRow, reasonOf } from '../data/rows.js'
import { ArmormError } from '../errors.js'
import { conversation } from '../http/input-forms.js'
import type { Conversation } from '../text/conversation.js'
import { TrainRowReader } from '../train/embed/train-row.js'
import { defaultSettings } from '../train/settings.js'
import { lineConversations } from './calibrate.js'

/** One conversation; several responses to one prompt; a chosen and a rejected response. */
export type AnnotatedForm = 'one' | 'many' | 'pair'

export interface Asked {
  readonly form: AnnotatedForm
  /** The conversations, or the error of a row that has none of the forms. */
  readonly asked: readonly Conversation[] | ArmormError
}

export class AnnotatedRows {
  readonly #pairs: TrainRowReader

  constructor(file: string) {
    this.#pairs = new TrainRowReader(file, 'preferences', defaultSettings().data)
  }

  read(row: DataRow): Asked {
    const { place } = row
    // Tables have a null where a row of lines would have no field.
    const value = Object.fromEntries(Object.entries(row.value).filter(([, field]) => field !== null))
    const form = 'chosen' in value ? 'pair' : 'responses' in value ? 'many' : 'one'
    try {
      const asked = form === 'pair' ? this.#pair({ ...row, value }) : lineConversations(value, place)
      if (asked.length > 0) return { form, asked }
      return { form, asked: new ArmormError('invalid_data', 'its "responses" are none') }
    } catch (error) {
      if (!(error instanceof ArmormError) || error.code !== 'invalid_data') throw error
      // The row itself need not say where it is.
      return { form, asked: new ArmormError('invalid_data', reasonOf(error, place), {}, error) }
    }
  }

  #pair({ value, ...row }: DataRow): Conversation[] {
    const { prompt, chosen, rejected } = value as Record<string, unknown>
    const read = this.#pairs.read({ ...row, value: { prompt, chosen, rejected } })
    return read.responses.map((response) => conversation(read.prompt, response))
  }
}
