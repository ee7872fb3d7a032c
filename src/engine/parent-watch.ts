/**
 * A thread of the engine process that ends it when the server is gone. The main thread hears of that by its channel, but
 * not while native code runs: a long batch, or the load of a large model, would go on for nobody and hold its memory.
 */
import { Worker, isMainThread, workerData } from 'node:worker_threads'

const INTERVAL_MS = 1000

/** Starts the thread, which holds no process open. */
export function watchParent(): Worker {
  // On Windows the parent's id outlives the parent: there the channel alone tells.
  const watch = new Worker(new URL(import.meta.url), { workerData: process.ppid, execArgv: [], env: {} })
  watch.unref()
  return watch
}

if (!isMainThread) {
  setInterval(() => {
    if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
  }, INTERVAL_MS)
}
