/** What the server says of itself and of its model. */
import type { Static } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { unreadiness } from '../../lifecycle.js'
import { requireModel } from '../../model.js'
import type { Services } from '../../services.js'
import { INPUTS } from './inputs.js'
import { OUTPUTS } from './outputs.js'
import type { ModelConfig, ModelMetadata, RepositoryIndex } from './schema.js'

/** Versions are numbers to these clients; which weights they are is what the revision says. */
export const VERSION = '1'
/** As Triton calls ONNX Runtime. */
const PLATFORM = 'onnxruntime_onnx'

/** @throws ArmormError unknown_model */
export function requireVersion({ manifest }: Services, params: Readonly<Record<string, string>>): void {
  requireModel(manifest, params['model'])
  const { version = VERSION } = params
  if (version === VERSION) return
  throw new ArmormError('unknown_model', `${manifest.model.name} has version ${VERSION} only`, { version: VERSION })
}

/** Sizes behind the one that counts conversations. */
function dimsOf({ wide }: { readonly wide: boolean }, { manifest }: Services): number[] {
  return [wide ? manifest.objectives.length : 1]
}

export function modelMetadata(services: Services): Static<typeof ModelMetadata> {
  return {
    name: services.manifest.model.name,
    versions: [VERSION],
    platform: PLATFORM,
    inputs: INPUTS.map(({ name, datatype, dims }) => ({ name, datatype, shape: [-1, ...dims] })),
    outputs: OUTPUTS.map((output) => {
      return { name: output.name, datatype: output.datatype, shape: [-1, ...dimsOf(output, services)] }
    })
  }
}

/** The parts of Triton's `ModelConfig` that clients read. */
export function modelConfig(services: Services): Static<typeof ModelConfig> {
  const { model, objectives } = services.manifest
  return {
    name: model.name,
    platform: PLATFORM,
    backend: 'onnxruntime',
    max_batch_size: services.limits.maxInputs,
    input: INPUTS.map(({ name, datatype, dims }) => {
      return { name, data_type: configType(datatype), dims: [...dims], optional: true }
    }),
    output: OUTPUTS.map((output) => {
      return { name: output.name, data_type: configType(output.datatype), dims: dimsOf(output, services) }
    }),
    model_transaction_policy: { decoupled: false },
    parameters: {
      objectives: { string_value: objectives.map(({ name }) => name).join(',') },
      revision: { string_value: model.revision }
    }
  }
}

function configType(datatype: string): string {
  return `TYPE_${datatype === 'BYTES' ? 'STRING' : datatype}`
}

export function repositoryIndex({ manifest, lifecycle, engine }: Services): Static<typeof RepositoryIndex> {
  const reason = unreadiness(lifecycle, engine)?.message ?? ''
  return [{ name: manifest.model.name, version: VERSION, state: reason === '' ? 'READY' : 'UNAVAILABLE', reason }]
}
