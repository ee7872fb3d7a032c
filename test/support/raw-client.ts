/** A client that sends bytes as they are. */
import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'

export async function portOf(app: FastifyInstance): Promise<number> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** A connection, once it is there. An error of it is an end. */
export async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** All that the other side sends until it closes the connection, or this one is destroyed. */
export async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  if (!socket.closed) await once(socket, 'close')
  return Buffer.concat(chunks).toString('latin1')
}

/** A POST with a body of known length, on a connection that ends with it. */
export function postOf(path: string, body: string, headers = ''): string {
  return `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

export interface RawReply {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** The first reply of what was received; a body of stated length, whole. */
export function replyOf(text: string): RawReply {
  const split = text.indexOf('\r\n\r\n')
  const head = text.slice(0, split)
  const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? NaN)
  const rest = text.slice(split + 4)
  const body = Number.isNaN(length) ? rest : rest.slice(0, length)
  return { status: Number(head.split(' ')[1]), head, body }
}
