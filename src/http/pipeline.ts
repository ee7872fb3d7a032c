/** Keeps replies of one connection in the order of its requests, where what follows them is no request. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of each connection that are being answered, the oldest first. */
const answering = new WeakMap<Socket, Map<ServerResponse, IncomingMessage>>()

/** Connections on which something that could not be read waits for its answer; what follows it is not looked at. */
const broken = new WeakSet<Socket>()

export function noteRequest(request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  const under = answering.get(socket) ?? followed(socket)
  under.set(response, request)
  response.once('close', () => under.delete(response))
}

/** Has replies whose turn never came hear, as others do, that the connection is gone: Node does not tell them. */
function followed(socket: Socket): Map<ServerResponse, IncomingMessage> {
  const under = new Map<ServerResponse, IncomingMessage>()
  answering.set(socket, under)
  socket.once('close', () => {
    for (const response of [...under.keys()]) if (response.socket === null) response.emit('close')
  })
  return under
}

/**
 * Calls `answer` when the requests before what could not be read are answered: at once, unless some that came whole
 * are not. One whose body breaks off is what could not be read itself.
 */
export function afterReplies(socket: Socket, answer: () => void): void {
  if (broken.has(socket)) return
  const whole = [...(answering.get(socket) ?? [])].filter(([, request]) => request.complete)
  const last = whole.at(-1)?.[0]
  if (!last) return answer()
  broken.add(socket)
  last.once('close', answer)
}
