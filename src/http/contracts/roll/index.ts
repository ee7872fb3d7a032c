/**
 * ROLL's reward system, `roll/pipeline/rlvr/rewards/remote_reward_system_worker.py`: a task is submitted, and its result
 * polled for every 2 s by a GET with a JSON body.
 *
 * The client takes `errcode` 1 for running, and 0 for an end. Any other code, and any status but 2xx, has it poll on
 * until the task's time is over (300 s). An end without `reward_score` has it submit again at once, five times in all,
 * before it gives the sample 0: so that is what it gets for whatever another try may mend.
 */
import { Type } from 'typebox'
import { ArmormError } from '../../../errors.js'
import { HINT } from '../../validation.js'
import { answerTo } from '../answers.js'
import { type Call, type Contract, contractRoute } from '../contract.js'
import { floatReply } from '../float-json.js'
import { errorOf, itemError } from '../item-replies.js'
import type { ContractInput } from '../scoring.js'
import { withoutSpecialTokens } from './prompt.js'
import { type Task, type TaskResult, Tasks } from './tasks.js'

/** Seconds that a task has when it names none, and at most. */
const DEFAULT_TIMEOUT = 300
const LONGEST_TIMEOUT = 3600
/** Seconds that it waits for room at most: until then a reload has to keep the model that it came to. */
const MOST_PATIENCE = 300
/** Seconds for which a client polls beyond the task's time: five, and a request's own twenty. */
const MARGIN = 30

const SubmitRequest = Type.Object(
  {
    prompt: Type.String({ description: 'Decoded without special tokens.' }),
    response: Type.String(),
    timeout: Type.Optional(Type.Unknown({ description: 'Seconds after which nobody polls; 300 when left out.' }))
  },
  {
    title: 'RollSubmitRequest',
    [HINT]: 'send {"prompt": "...", "response": "..."}',
    examples: [
      { prompt: 'user\nHow much is 2+2?\nassistant\n', response: '4', data_id: '7', rollout_id: '0', timeout: 300 }
    ]
  }
)

const SubmitReply = Type.Object(
  { errcode: Type.Literal(0), errmsg: Type.String(), reward_request_id: Type.String() },
  { title: 'RollSubmitReply' }
)

const ResultRequest = Type.Object({ reward_request_id: Type.String() }, { title: 'RollResultRequest' })

const ResultReply = Type.Object(
  {
    errcode: Type.Integer({ description: '1 while the task runs, else 0.' }),
    errmsg: Type.String(),
    reward_score: Type.Optional(
      Type.Number({ description: 'scoreScale * score + scoreOffset; absent where the task is to be submitted again.' })
    ),
    dimention_reward_score: Type.Optional(
      Type.Record(Type.String(), Type.Object({ reward_score: Type.Number(), debug_info: Type.Object({}) }), {
        description: 'Raw ratings of the objectives that --extra-objectives names. The misspelling is the contract.'
      })
    ),
    start_time: Type.Optional(Type.String()),
    end_time: Type.Optional(Type.String()),
    error: itemError
  },
  { title: 'RollResultReply' }
)

export const roll: Contract = {
  protocol: 'roll',
  tag: { name: 'ROLL', description: "ROLL's reward system: submit and poll." },
  errorSchema: Type.Object({ errcode: Type.Integer(), errmsg: Type.String() }, { title: 'RollError' }),
  errorForm: ({ code, message }, status) => ({ status, body: { errcode: status, errmsg: `${code}: ${message}` } }),
  // A task that failed is submitted again at once, five times, before its sample gets 0.
  patience: DEFAULT_TIMEOUT,
  routes: [
    contractRoute({
      url: '/apis/custom/reward-system/v1/submit_task',
      keys: ['prompt', 'response'],
      summary: 'Submit a sample',
      body: SubmitRequest,
      reply: SubmitReply,
      async answer({ prompt, response, timeout }, call) {
        const input = sample(prompt, response, call)
        const seconds = secondsOf(timeout)
        const work = async (signal: AbortSignal): Promise<TaskResult> => {
          const caller = callerOf(signal, call.caller.priority)
          const [item] = await call.scorer.score(
            [input],
            { ...roll, patience: Math.min(seconds, MOST_PATIENCE) },
            { caller }
          )
          if (!item) throw new ArmormError('internal', 'a defect of the server')
          return { reward: item.reward, extras: item.extras, names: call.scorer.extraNames, ...errorOf(item) }
        }
        const id = tasksOf(call).submit(prompt.length + response.length, seconds + MARGIN, counted(work, call))
        return { errcode: 0, errmsg: '', reward_request_id: id }
      }
    }),
    contractRoute({
      method: 'GET',
      url: '/apis/custom/reward-system/v1/task_result',
      keys: ['reward_request_id'],
      summary: 'Poll for the result of a task',
      description:
        'The id is read from a JSON body, `{"reward_request_id": "..."}`, as ROLL sends it, else from the query. An id that is not known, or a task that failed, has no `reward_score`: submit again.',
      body: ResultRequest,
      reply: ResultReply,
      async answer({ reward_request_id: id }, call) {
        return resultOf(tasksOf(call).get(id))
      },
      serialize: (reply) => {
        const { errcode, errmsg, ...rest } = reply as { errcode: number; errmsg: string }
        const head = JSON.stringify({ errcode, errmsg })
        const others = floatReply(rest)
        return others === '{}' ? head : `${head.slice(0, -1)},${others.slice(1)}`
      }
    })
  ]
}

/** One store a server. */
const STORES = new WeakMap<Call['services']['served'], Tasks>()

function tasksOf({ services }: Call): Tasks {
  const tasks = STORES.get(services.served) ?? new Tasks(services.limits)
  STORES.set(services.served, tasks)
  return tasks
}

/** Errors of a task answer no request of their own, so that they are counted here. */
function counted(work: (signal: AbortSignal) => Promise<TaskResult>, { services }: Call): typeof work {
  return async (signal) => {
    try {
      return await work(signal)
    } catch (error) {
      services.metrics.error(error instanceof ArmormError ? error.code : 'internal')
      throw error
    }
  }
}

function secondsOf(timeout: unknown): number {
  const known = typeof timeout === 'number' && timeout > 0
  return known ? Math.min(timeout, LONGEST_TIMEOUT) : DEFAULT_TIMEOUT
}

function sample(prompt: string, response: string, call: Call): ContractInput {
  const { family } = call.services.contracts.reading
  const messages = family === 'auto' || family === 'chatml' ? withoutSpecialTokens(prompt) : null
  return answerTo(messages ?? prompt, response, call)
}

function resultOf(task: Task | undefined) {
  if (!task) return { errcode: 0, errmsg: 'no task has this id, or its time is over: submit it again' }
  // Times of Python's fromisoformat, which knows no Z before 3.11.
  const time = (date: Date) => date.toISOString().replace('Z', '+00:00')
  const { started, outcome } = task
  if (!outcome) return { errcode: 1, errmsg: 'running', start_time: time(started) }
  const { ended, result } = outcome
  const times = { start_time: time(started), end_time: time(ended) }
  if (result instanceof ArmormError) return { errcode: 0, errmsg: `${result.code}: ${result.message}`, ...times }
  const ratings = result.names.map(
    (name, k) => [name, { reward_score: result.extras[k] ?? 0, debug_info: {} }] as const
  )
  return {
    errcode: 0,
    errmsg: '',
    reward_score: result.reward,
    dimention_reward_score: Object.fromEntries(ratings),
    ...times,
    ...(result.error && { error: result.error })
  }
}

/** Whoever submitted a task has gone; the task's own time stands for its caller. */
function callerOf(signal: AbortSignal, priority: Call['caller']['priority']): Call['caller'] {
  return {
    signal,
    priority,
    deadline: Infinity,
    get aborted() {
      return signal.aborted
    },
    get reason() {
      return signal.reason as unknown
    }
  }
}
