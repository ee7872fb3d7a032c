/** Settings of `armorm train debias`. */
import { type Static, Type } from 'typebox'

export const DebiasSettings = Type.Object({}, { additionalProperties: false, default: {} })
export type DebiasSettings = Static<typeof DebiasSettings>
