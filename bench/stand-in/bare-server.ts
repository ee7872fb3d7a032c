/** The least that a server in Node can do: reads a JSON body with `node:http`, and answers a few bytes. */
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } })

createServer((request, response) => {
  const answer = (body: unknown) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ fields: Object.keys(body as object).length }))
  }
  if (request.method === 'POST') void json(request).then(answer)
  else answer({})
}).listen(Number(values.port), '127.0.0.1')
