/** `armorm plan`: replicas, memory and cost of a load. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { type Demand, gigabytes, type GpuMemory, type Plan, planGpu, planReplicas } from '../plan/capacity.js'
import { type BackboneName, BACKBONES, type GpuName, GPUS } from '../plan/hardware.js'

interface Flags {
  tokensPerSecond: number
  gpu?: GpuName
  rate?: number
  size: BackboneName
  shared: number
  conversationTokens: number
  batchTokens: number
  utilisation: number
  price?: number
  json?: boolean
}

const number =
  (from: number, to: number, open = false) =>
  (value: string) => {
    const read = Number(value)
    if (value.trim() !== '' && read >= from && (open ? read < to : read <= to)) return read
    throw new InvalidArgumentError(`it is not a number from ${from} to ${open ? 'below ' : ''}${to}`)
  }
const positive = number(Number.MIN_VALUE, Number.MAX_VALUE)

export function planCommand(): Command {
  return new Command('plan')
    .description('how many replicas a load takes, how much memory, and what they cost')
    .requiredOption(
      '--tokens-per-second <n>',
      'tokens of all conversations that are to be scored in a second, shared prompts counted each time',
      positive
    )
    .addOption(new Option('--gpu <name>', 'estimate the rate of a replica on this GPU').choices(Object.keys(GPUS)))
    .option('--rate <n>', 'the rate that a replica measured, armorm_tokens_per_second', positive)
    .addOption(new Option('--size <name>', 'size of the Llama backbone').choices(Object.keys(BACKBONES)).default('8b'))
    .option(
      '--shared <share>',
      'share of the tokens that conversations of a batch have in common',
      number(0, 1, true),
      0
    )
    .option('--conversation-tokens <n>', 'tokens of a conversation', number(1, 1e6), 600)
    .option('--batch-tokens <n>', 'distinct tokens of a full batch', number(1, 1e6), 8192)
    .option('--utilisation <share>', 'share of its time that a replica is to work', number(0.01, 1), 0.7)
    .option('--price <n>', 'price of one replica for an hour, in any currency', positive)
    .option('--json', 'as JSON')
    .action((flags: Flags, command: Command) => {
      if ((flags.gpu === undefined) === (flags.rate === undefined)) {
        command.error('error: give --gpu for an estimate, or --rate if you have measured one')
      }
      const { plan, memory } = planOf(flags)
      console.log(flags.json ? JSON.stringify(asJson(flags, plan, memory)) : asText(flags, plan, memory))
    })
}

function planOf(flags: Flags): { plan: Plan; memory: GpuMemory | null } {
  const { gpu, rate, size, batchTokens } = flags
  const demand: Demand = flags
  if (gpu === undefined) return { plan: planReplicas(demand, rate as number), memory: null }
  const plan = planGpu(demand, GPUS[gpu], BACKBONES[size], batchTokens)
  return { plan, memory: plan.memory }
}

interface Cost {
  readonly per_hour: number
  readonly per_million_tokens: number
}

function costOf({ price, tokensPerSecond }: Flags, { replicas }: Plan): Cost | null {
  if (price === undefined) return null
  const perHour = price * replicas
  return { per_hour: perHour, per_million_tokens: (perHour / (tokensPerSecond * 3600)) * 1e6 }
}

function asJson(flags: Flags, { replicaRate, replicas, busy, batchMs }: Plan, memory: GpuMemory | null): object {
  return {
    replicas,
    replica_tokens_per_second: Math.round(replicaRate),
    busy,
    batch_ms: batchMs,
    gpu_memory_bytes: memory,
    cost: costOf(flags, { replicaRate, replicas, busy, batchMs })
  }
}

function asText(flags: Flags, plan: Plan, memory: GpuMemory | null): string {
  const { replicas, replicaRate, busy, batchMs } = plan
  const cost = costOf(flags, plan)
  const lines: [string, string][] = [
    ['replicas', `${replicas}, each busy ${Math.round(busy * 100)} % of the time`],
    ['rate of one', `${Math.round(replicaRate)} distinct tokens/s${memory ? ', an estimate' : ', as given'}`]
  ]
  if (batchMs !== null) lines.push(['full batch', `${Math.round(batchMs)} ms`])
  if (memory) {
    const { weights, batch, runtime } = memory
    const parts = `weights ${gigabytes(weights)}, batch ${gigabytes(batch)}, CUDA ${gigabytes(runtime)}`
    lines.push(['GPU memory of one', `${gigabytes(weights + batch + runtime)} GB: ${parts}`])
  }
  if (cost)
    lines.push(['cost', `${cost.per_hour.toFixed(2)} an hour, ${cost.per_million_tokens.toFixed(4)} a million tokens`])
  if (memory) lines.push(['', 'From data sheets and assumed efficiencies: nothing was measured on a GPU.'])
  return lines.map(([name, value]) => `${name.padEnd(20)}${value}`).join('\n')
}
