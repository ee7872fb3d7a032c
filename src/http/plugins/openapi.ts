/** The OpenAPI document, made of the routes' schemas, and the page that shows it. */
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { CONTRACTS } from '../contracts/index.js'

/** Version of the wire contract. */
const API_VERSION = '1.0.0'

const DESCRIPTION = `Explainable multi-objective rewards for conversations.

A request may leave out \`Content-Type\`; unknown fields are refused, so that a mistyped option is never ignored.
Every error is \`{"error":{"code","message","details"}}\`; docs/errors.md lists the codes.`

/** The page loads nothing from elsewhere, and works over plain HTTP (the plugin's own policy asks for HTTPS). */
const PAGE_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'self'"

async function plugin(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'armorm-server',
        description: DESCRIPTION,
        version: API_VERSION,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' }
      },
      // Asked for where the operator set keys.
      security: [{}, { bearer: [] }, { apiKey: [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' }
        }
      },
      tags: [...CONTRACTS.map(({ tag }) => tag), { name: 'operation', description: 'Probes, metrics, the model.' }]
    },
    transformObject: (document) => {
      if (!('openapiObject' in document)) throw new Error('the document is OpenAPI, not Swagger 2')
      return nameSchemas(document.openapiObject)
    }
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: PAGE_POLICY })
}

export const openapi = fp(plugin, { name: 'openapi' })

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Moves every schema that has a title to `components.schemas`, once, and points to it from where it stood. */
function nameSchemas<T extends object>(document: T): T {
  const schemas: Record<string, Json> = {}
  const walk = (node: Json): Json => {
    if (Array.isArray(node)) return node.map(walk)
    if (node === null || typeof node !== 'object') return node
    const { title, ...rest } = node
    // A property that is called `title` has a schema there, not a text.
    if (typeof title !== 'string') return mapValues(node, walk)
    schemas[title] = mapValues(rest, walk)
    return { $ref: `#/components/schemas/${title}` }
  }
  // Through JSON, which drops what TypeBox keeps beside the schema itself.
  const { paths = {}, ...rest } = JSON.parse(JSON.stringify(document)) as Record<string, Json>
  const named = walk(paths)
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...rest, paths: named, components: { ...(rest['components'] as object), schemas: sorted } } as unknown as T
}

function mapValues(object: { [key: string]: Json }, change: (value: Json) => Json): { [key: string]: Json } {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]))
}
