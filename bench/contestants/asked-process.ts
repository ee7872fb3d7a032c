/** A Node process that is asked one thing at a time. */
import { engineEnvironment } from '../../src/engine/environment.js'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export class AskedProcess<Question, Answer extends { readonly error?: string }> {
  readonly #child: ChildProcess
  #closing: Promise<void> | undefined

  /** @param program beside this file */
  constructor(program: string) {
    this.#child = fork(fileURLToPath(new URL(program, import.meta.url)), {
      serialization: 'advanced',
      env: engineEnvironment()
    })
  }

  /** @throws Error with the process's own message, or when it has ended */
  async ask(question: Question): Promise<Answer> {
    const listening = new AbortController()
    const { signal } = listening
    try {
      const answered = Promise.race([
        once(this.#child, 'message', { signal }).then(([answer]) => answer as Answer),
        once(this.#child, 'exit', { signal }).then(() => null)
      ])
      this.#child.send(question as object)
      const answer = await answered
      if (answer === null) throw new Error('the process ended')
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer
    } finally {
      listening.abort()
    }
  }

  /** May be called more than once: contestants that share a process each close it. */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  async #end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }
}
