/** Entry of the engine process: owns the sessions, answers the supervisor, ends when the supervisor is gone. */
import { ArmormError, type ErrorData } from '../errors.js'
import { EngineChannel } from './channel.js'
import type { FromEngine, ToEngine } from './protocol.js'
import { watchParent } from './parent-watch.js'
import { RewardSession, type Session, StateSession } from './session.js'
import { measureCapacity } from './warm-up.js'

const SESSIONS = { rewards: RewardSession, states: StateSession }

const channel = new EngineChannel()
let session: Session | undefined
/** Settles when everything that came so far is done: a session takes one batch at a time. */
let done = Promise.resolve()

function send(message: FromEngine): void {
  channel.send(message)
}

function flatten(error: unknown): ErrorData {
  if (error instanceof ArmormError) return error.toData()
  return { code: 'bundle_graph', message: error instanceof Error ? error.message : String(error), details: {} }
}

async function load(message: Extract<ToEngine, { type: 'load' }>): Promise<void> {
  try {
    const opened = await SESSIONS[message.computes].open(message.options)
    const capacity = message.warmUp && (await measureCapacity((batch) => opened.run(batch), message.warmUp))
    session = opened
    send({ type: 'loaded', capacity })
  } catch (error) {
    send({ type: 'load_failed', error: flatten(error) })
  }
}

async function run({ run, batch }: Extract<ToEngine, { type: 'run' }>): Promise<void> {
  try {
    if (!session) throw new Error('not loaded')
    send({ type: 'result', run, outputs: await session.run(batch) })
  } catch (error) {
    send({ type: 'run_failed', run, message: error instanceof Error ? error.message : String(error) })
  }
}

watchParent()
channel.on('message', (message) => {
  done = done.then(() => (message.type === 'load' ? load(message) : run(message)))
})
channel.on('disconnect', () => process.exit(0))
// The supervisor sends nothing else: what came is of this process's own making.
channel.on('broken', () => process.exit(1))
// A Ctrl-C or a closed terminal reaches the whole process group, a service manager's SIGTERM the whole control group;
// the supervisor decides when this process ends.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('SIGHUP', () => undefined)
