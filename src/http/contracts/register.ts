/** Puts contracts on Fastify. Contracts that share a URL are told apart by the form of the body. */
import type { FastifyError, FastifyInstance, HTTPMethods } from 'fastify'
import { type TSchema, Type } from 'typebox'
import { Client, WorkHeaders } from '../client.js'
import { getBodyReader } from '../json-body.js'
import { answerError } from '../plugins/errors.js'
import { LoadHeaders } from '../plugins/load.js'
import { holding, nameModel, type ServerServices, servicesNow } from '../services.js'
import { validatorCompiler } from '../validation.js'
import { BytesReply, type Contract, type ContractRoute, wireError } from './contract.js'
import { ContractScorer } from './scoring.js'

/** A route, whose it is, and its check. */
interface Entry {
  readonly contract: Contract
  readonly route: ContractRoute
  readonly check: (body: unknown) => unknown
}

const UNCHECKED = (): unknown => ({})
/** Bytes of a GET's body: it asks for something by its name. */
const GET_BODY_LIMIT = 64 * 1024

/** Declares the routes of all contracts, earlier ones first where a URL is shared. */
export function registerContracts(
  app: FastifyInstance,
  services: ServerServices,
  contracts: readonly Contract[]
): void {
  const byUrl = new Map<string, Entry[]>()
  for (const contract of contracts) {
    for (const route of contract.routes) {
      const schema = route.envelope ?? route.body
      const check = schema ? validatorCompiler({ schema, method: 'POST', url: route.url, httpPart: 'body' }) : UNCHECKED
      byUrl.set(route.url, [...(byUrl.get(route.url) ?? []), { contract, route, check }])
    }
  }
  for (const [url, entries] of byUrl) registerUrl(app, services, url, entries)
}

function registerUrl(app: FastifyInstance, server: ServerServices, url: string, entries: readonly Entry[]): void {
  const error = either(entries.map(({ contract }) => contract.errorSchema))
  const errors = {
    '4xx': { ...error, 'x-response-description': "The caller's error." },
    '5xx': { ...error, 'x-response-description': "The server's error, or not ready." }
  }
  const bodies = entries.flatMap(({ route }) => route.body ?? [])
  const readBody = entries.find(({ route }) => route.readBody)?.route.readBody
  const probe = entries.every(({ route }) => route.probe)
  const open = entries.every(({ route }) => route.open)
  const methods = [...new Set(entries.flatMap(({ route }) => route.method ?? 'POST'))] as HTTPMethods[]
  const isGet = methods.includes('GET')
  const readGetBody = getBodyReader(app, {
    ...server.limits,
    bodyLimit: Math.min(GET_BODY_LIMIT, server.limits.bodyLimit)
  })
  app.route({
    url,
    method: methods,
    schema: {
      tags: entries.map(({ contract }) => contract.tag.name),
      summary: entries.map(({ route }) => route.summary).join('; or: '),
      description: describe(entries),
      ...(open && { security: [] }),
      ...(!probe && { headers: WorkHeaders }),
      // Fastify takes no schema for the body of a GET.
      ...(bodies.length > 0 && { [isGet ? 'querystring' : 'body']: either(bodies) }),
      ...(entries[0]?.route.params && { params: entries[0].route.params }),
      hide: entries.every(({ route }) => route.hidden),
      response: {
        200: { ...either(entries.map(({ route }) => route.reply)), ...(!probe && { headers: LoadHeaders }) },
        ...errors
      }
    },
    config: { work: !probe, quiet: probe, open, ...(readBody && { readBody }) },
    // The body is held against the schema of the contract that it belongs to.
    validatorCompiler: () => (value: unknown) => ({ value }),
    errorHandler: (error: FastifyError, request, reply) => {
      void answerError(error, request, reply, server.limits, (known) =>
        wireError(entryOf(entries, request.body).contract, known)
      )
    },
    handler: async (request, reply) => {
      const caller = new Client(request, reply, server.limits)
      if (isGet && bodies.length > 0) request.body = await readGetBody(request)
      const { route, check } = entryOf(entries, request.body)
      const checked = check(request.body) as { error?: Error }
      if (checked.error) throw checked.error
      const services = servicesNow(server)
      // What a GET asks for was scored earlier, perhaps by another.
      if (!probe && !isGet) nameModel(reply, services)
      // Fastify names the type only of what it serializes itself; clients refuse a reply without it.
      if (route.serialize) void reply.type('application/json; charset=utf-8').serializer(route.serialize)
      const params = request.params as Readonly<Record<string, string>>
      const scorer = new ContractScorer(services)
      const answer = await holding(services, () =>
        route.answer(request.body, { services, scorer, id: request.id, caller, params })
      )
      return answer instanceof BytesReply ? reply.headers(answer.headers).send(answer.bytes) : answer
    }
  })
}

/** The first entry of which the body has a key; the first of all when there is no body yet, or of no known form. */
function entryOf(entries: readonly Entry[], body: unknown): Entry {
  const has = (key: string) => typeof body === 'object' && body !== null && Object.hasOwn(body, key)
  return entries.find(({ route }) => route.keys.some(has)) ?? (entries[0] as Entry)
}

function either(schemas: readonly TSchema[]): TSchema {
  const distinct = [...new Set(schemas)]
  return distinct.length === 1 ? (distinct[0] as TSchema) : Type.Union(distinct)
}

function describe(entries: readonly Entry[]): string {
  return entries
    .map(({ contract, route }) => {
      const text = route.description ?? ''
      const keys = route.keys.map((key) => `\`${key}\``).join(' or ')
      return entries.length === 1 ? text : `${contract.tag.name}, for a body with ${keys}: ${text}`
    })
    .join('\n\n')
}
