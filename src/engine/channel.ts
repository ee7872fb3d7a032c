/**
 * What the server and the engine's process talk over: a pipe for each direction, so that an end that is gone for the one
 * who writes leaves what it has said before to be read.
 */
import { EventEmitter } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { FrameReader, frameOf } from './frames.js'
import { packBatch, type PackedBatch, unpackBatch } from './packed-batch.js'
import type { FromEngine, ToEngine } from './protocol.js'

/** File descriptors of the engine's process. */
export const TO_ENGINE_FD = 3
export const FROM_ENGINE_FD = 4

export interface ChannelEvents<M> {
  message: [message: M]
  /** Bytes came that are no message; nothing that follows is read. */
  broken: [reason: string]
  /** The other side has closed its end, and all that it said was told; or this side closed. */
  disconnect: []
}

/** As messages to the engine are framed. */
type Wire =
  Exclude<ToEngine, { type: 'run' }> | { readonly type: 'run'; readonly run: number; readonly batch: PackedBatch }

/** The server's end. */
export class SupervisorChannel extends EventEmitter<ChannelEvents<unknown>> {
  readonly #input: Socket
  readonly #output: Socket
  #connected = true

  constructor(input: Socket, output: Socket) {
    super()
    this.#input = input
    this.#output = output
    const reader = new FrameReader(
      (message) => this.emit('message', message),
      (reason) => this.emit('broken', reason)
    )
    input.on('data', (chunk: Buffer) => reader.push(chunk))
    output.on('data', () => this.emit('broken', 'bytes the wrong way'))
    // What cannot be written is for one that is gone, whose end of the other pipe tells.
    for (const socket of [input, output]) socket.on('error', () => undefined)
    input.once('close', () => {
      output.destroy()
      this.#connected = false
      this.emit('disconnect')
    })
  }

  get connected(): boolean {
    return this.#connected
  }

  send(message: ToEngine): void {
    if (!this.#output.writable) return
    const wire: Wire = message.type === 'run' ? { ...message, batch: packBatch(message.batch) } : message
    this.#output.write(frameOf(wire))
  }

  disconnect(): void {
    this.#input.destroy()
  }
}

/** The engine's end; one in its process. */
export class EngineChannel extends EventEmitter<ChannelEvents<ToEngine>> {
  readonly #input: Socket

  constructor() {
    super()
    const reader = new FrameReader(
      (message) => {
        const wire = message as Wire
        this.emit('message', wire.type === 'run' ? { ...wire, batch: unpackBatch(wire.batch) } : wire)
      },
      (reason) => this.emit('broken', reason)
    )
    this.#input = new Socket({ fd: TO_ENGINE_FD, readable: true, writable: false })
    this.#input.on('data', (chunk: Buffer) => reader.push(chunk))
    this.#input.on('error', () => undefined)
    this.#input.once('close', () => this.emit('disconnect'))
  }

  /** Returns when all of it is on its way: it arrives, whatever becomes of this process next. To nobody it means nothing. */
  send(message: FromEngine): void {
    const frame = frameOf(message)
    try {
      for (let at = 0; at < frame.length;) at += writeSync(FROM_ENGINE_FD, frame, at)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    }
  }

  disconnect(): void {
    this.#input.destroy()
    closeSync(FROM_ENGINE_FD)
  }
}
