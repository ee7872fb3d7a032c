/** Settings of `armorm train report`. */
import { type Static, Type } from 'typebox'

export const ReportSettings = Type.Object({}, { additionalProperties: false, default: {} })
export type ReportSettings = Static<typeof ReportSettings>
