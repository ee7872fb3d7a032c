/** The listener that operators have to themselves: a second port of the same application. */
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { checkingInterval } from './app.js'
import { refusedAddress } from './listen.js'
import type { Limits } from './services.js'

/** Operators and their Prometheus need few. */
const MOST_CONNECTIONS = 256

export class AdminListener {
  readonly #host: string
  readonly #port: number
  readonly #limits: Pick<Limits, 'maxHeaderBytes' | 'headersTimeout' | 'receiveTimeout'>
  #server: Server | null = null
  /** Connections that came over it. */
  readonly sockets = new WeakSet<Socket>()

  constructor(
    host: string,
    port: number,
    limits: Pick<Limits, 'maxHeaderBytes' | 'headersTimeout' | 'receiveTimeout'>
  ) {
    this.#host = host
    this.#port = port
    this.#limits = limits
  }

  /**
   * Opens the port. What comes over it goes where requests of the application's own port go.
   * @returns the address, as `http://127.0.0.1:9090`
   * @throws ArmormError invalid_config when the address cannot be had.
   */
  async open({ server: main }: FastifyInstance): Promise<string> {
    const server = createServer({
      maxHeaderSize: this.#limits.maxHeaderBytes,
      connectionsCheckingInterval: checkingInterval(this.#limits),
      requestTimeout: main.requestTimeout,
      headersTimeout: main.headersTimeout,
      keepAliveTimeout: main.keepAliveTimeout
    })
    server.maxConnections = MOST_CONNECTIONS
    server.on('connection', (socket: Socket) => this.sockets.add(socket))
    for (const event of ['request', 'clientError', 'checkExpectation']) {
      server.on(event, (...what: unknown[]) => main.emit(event, ...what))
    }
    try {
      server.listen({ host: this.#host, port: this.#port })
      await once(server, 'listening')
    } catch (error) {
      throw refusedAddress(error as NodeJS.ErrnoException, '--admin-host', this.#host, '--admin-port', this.#port)
    }
    this.#server = server
    const { address, port, family } = server.address() as { address: string; port: number; family: string }
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Ends the connections too: whoever asks operators' questions may ask them again. */
  close(): void {
    this.#server?.close()
    this.#server?.closeAllConnections()
  }
}
