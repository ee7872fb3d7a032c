/** Settings of `armorm train assemble`. */
import { type Static, Type } from 'typebox'

export const AssembleSettings = Type.Object({}, { additionalProperties: false, default: {} })
export type AssembleSettings = Static<typeof AssembleSettings>
