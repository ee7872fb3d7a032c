/** Typed client of armorm-server: openapi-fetch with the paths of the server's OpenAPI document. */
import createClient, { type Client, type ClientOptions } from 'openapi-fetch'
import type { paths } from './schema.js'

export type { components, paths } from './schema.js'

/**
 * A client of the server at a base URL, e.g. `http://127.0.0.1:8080`. Its methods take a path of the server and check
 * body and reply against it when they are compiled; they give `{data, error, response}` and throw only when there is no
 * reply.
 */
export function createArmormClient(baseUrl: string, options: Omit<ClientOptions, 'baseUrl'> = {}): Client<paths> {
  return createClient<paths>({ ...options, baseUrl })
}
