/** With `node --import`, every module that is imported is told on standard error. */
import { writeSync } from 'node:fs'
import { register } from 'node:module'
import { isMainThread } from 'node:worker_threads'

// The hooks run in a thread of their own, which loads this file too.
if (isMainThread) register(import.meta.url)

export function resolve(specifier, context, next) {
  writeSync(2, `imports ${specifier}\n`)
  return next(specifier, context)
}
