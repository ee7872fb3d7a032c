/** Settings of `armorm train baselines`. */
import { type Static, Type } from 'typebox'

export const BaselinesSettings = Type.Object({}, { additionalProperties: false, default: {} })
export type BaselinesSettings = Static<typeof BaselinesSettings>
