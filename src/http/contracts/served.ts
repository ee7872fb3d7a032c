/** What the contracts with a model's name in the URL ask before anything else. */
import { Type } from 'typebox'
import { unreadiness } from '../lifecycle.js'
import { requireModel } from '../model.js'
import type { Services } from '../services.js'

export const ModelParams = Type.Object({
  model: Type.String({ description: 'Name or revision of the model, as /v1/models lists it.' })
})

/** @throws ArmormError unknown_model; engine_unavailable, shutting_down */
export function requireReadyModel({ manifest, lifecycle, engine }: Services, model: string | undefined): void {
  requireModel(manifest, model)
  const error = unreadiness(lifecycle, engine)
  if (error) throw error
}
