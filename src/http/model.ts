import type { Manifest } from '../bundle/manifest.js'
import { ArmormError } from '../errors.js'

/** @throws ArmormError unknown_model, unless `asked` is left out or names the model that is served. */
export function requireModel({ model }: Manifest, asked: string | undefined): void {
  if (asked === undefined || asked === model.name || asked === model.revision) return
  throw new ArmormError('unknown_model', `this server holds ${model.name} (${model.revision}) only`, {
    available: [model.name, model.revision]
  })
}
