/**
 * The Open Inference Protocol, version 2, as KServe and Triton speak it over HTTP. Clients that are no trainer's own
 * use it, tritonclient above all; NeMo-Aligner reads the output `rewards` through it.
 */
import { type TSchema, Type } from 'typebox'
import { packageVersion } from '../../../version.js'
import { unreadiness } from '../../lifecycle.js'
import type { Services } from '../../services.js'
import { type BytesReply, type Call, type Contract, type ContractRoute, textErrorForm } from '../contract.js'
import { ModelParams, requireReadyModel } from '../served.js'
import { readInferBody, withBinary } from './binary.js'
import { readInputs } from './inputs.js'
import { modelConfig, modelMetadata, repositoryIndex, requireVersion, VERSION } from './model.js'
import { fill, readOutputs } from './outputs.js'
import {
  type InferReply,
  InferReply as InferReplySchema,
  InferRequest,
  Live,
  ModelConfig,
  ModelMetadata,
  ModelReady,
  OipError,
  Ready,
  RepositoryIndex,
  ServerMetadata
} from './schema.js'

const EXTENSIONS = ['binary_tensor_data', 'model_configuration']

export const oip: Contract = {
  protocol: 'oip',
  tag: { name: 'Open Inference Protocol', description: 'Version 2, as KServe and Triton speak it.' },
  errorSchema: OipError,
  errorForm: textErrorForm('error'),
  // tritonclient tries nothing again; this is its own limit where its user sets none.
  patience: 60,
  routes: [
    {
      ...probe('/v2', 'The server and its extensions', ServerMetadata),
      answer: async () => ({ name: 'armorm-server', version: await packageVersion(), extensions: EXTENSIONS })
    },
    {
      ...probe('/v2/health/live', 'Whether the process answers', Live),
      open: true,
      answer: async () => ({ live: true })
    },
    {
      ...probe('/v2/health/ready', 'Whether the server takes work', Ready),
      open: true,
      answer: async (_body, { services }) => {
        requireReady(services)
        return { ready: true }
      }
    },
    ...ofModel({
      ...probe('', 'The model, its inputs and outputs', ModelMetadata),
      answer: async (_body, { services }) => modelMetadata(services)
    }),
    ...ofModel({
      ...probe('/ready', 'Whether the model takes work', ModelReady),
      answer: async (_body, { services, params }) => {
        requireReadyModel(services, params['model'])
        return { name: services.manifest.model.name, ready: true }
      }
    }),
    ...ofModel({
      ...probe('/config', "The model's configuration, as Triton gives it", ModelConfig),
      answer: async (_body, { services }) => modelConfig(services)
    }),
    {
      ...probe('/v2/repository/index', 'Models of the repository: the one that is served', RepositoryIndex),
      method: 'POST',
      // Clients send nothing, some with the label of text.
      readBody: async () => ({}),
      answer: async (_body, { services }) => repositoryIndex(services)
    },
    ...ofModel({
      url: '/infer',
      keys: ['inputs'],
      summary: 'Rewards as tensors',
      description:
        "Outputs of one value a conversation have the shape of the first input, `[n]` or `[n, 1]`. Tensors may be bytes behind the JSON, as in Triton's binary tensor data extension; `Content-Encoding` may be gzip or deflate.",
      body: InferRequest,
      readBody: readInferBody,
      reply: InferReplySchema,
      answer: (body, call) => infer(body as InferRequest, call)
    })
  ]
}

function probe(url: string, summary: string, reply: TSchema) {
  return { method: 'GET', url, summary, reply, keys: [], probe: true } as const
}

/** A route under the model's URL, and under that of its one version. */
function ofModel(route: ContractRoute): ContractRoute[] {
  const own = (base: string, params: TSchema, hidden: boolean): ContractRoute => ({
    ...route,
    url: base + route.url,
    params,
    hidden,
    answer: async (body, call) => {
      requireVersion(call.services, call.params)
      return route.answer(body, call)
    }
  })
  const Versioned = Type.Object({ ...ModelParams.properties, version: Type.String() })
  return [own('/v2/models/:model', ModelParams, false), own('/v2/models/:model/versions/:version', Versioned, true)]
}

/** @throws ArmormError engine_unavailable, shutting_down */
function requireReady({ lifecycle, engine }: Services): void {
  const error = unreadiness(lifecycle, engine)
  if (error) throw error
}

async function infer(body: InferRequest, call: Call): Promise<InferReply | BytesReply> {
  const { manifest, limits } = call.services
  const wanted = readOutputs(body)
  const { items, flat } = readInputs(body.inputs, limits)
  const rewards = await call.scorer.score(items, oip, call)
  const extent = { objectives: manifest.objectives.length, flat }
  const reply: InferReply = {
    model_name: manifest.model.name,
    model_version: VERSION,
    ...(body.id !== undefined && { id: body.id }),
    outputs: wanted.map(({ output }) => fill(output, rewards, extent))
  }
  return withBinary(reply, wanted)
}
