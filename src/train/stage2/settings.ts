/** Settings of `armorm train stage2`. */
import { type Static, Type } from 'typebox'

export const Stage2Settings = Type.Object({}, { additionalProperties: false, default: {} })
export type Stage2Settings = Static<typeof Stage2Settings>
