/** The planner against other ways to make batches, on simulated GPUs. */
import { readFile, writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { program, wholeNumber, WrongOption } from './command-line.js'
import { type Scenario, scenarioTable } from './simulate/report.js'
import { TRAFFIC, type TrafficName } from './simulate/traffic.js'

// Compiled to build/bench, two folders below the root.
const DOCUMENT = new URL('../../docs/scheduling.md', import.meta.url)
const MARKERS = /(<!-- simulate -->\n)[^]*(<!-- \/simulate -->)/

const USAGE = `usage: npm run simulate -- [options]
  --traffic <name>  ${Object.keys(TRAFFIC).join(', ')}; default: every one, and mixed on 1 and 64 GPUs too
  --gpus <n>        H100s, each with a queue of its own; default 8
  --trainers <n>    default 100
  --seconds <n>     in which trainers send; default 60
  --seed <n>        default 1
  --write           puts the tables into docs/scheduling.md`

function scenarios(args: string[]): { list: Scenario[]; write: boolean } {
  const { values } = parseArgs({
    args,
    options: {
      traffic: { type: 'string' },
      gpus: { type: 'string', default: '8' },
      trainers: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: '1' },
      write: { type: 'boolean', default: false }
    }
  })
  const whole = (name: 'gpus' | 'trainers' | 'seconds' | 'seed', least: number): number =>
    wholeNumber(name, values[name], least)
  const base = {
    gpus: whole('gpus', 1),
    trainers: whole('trainers', 1),
    seconds: whole('seconds', 1),
    seed: whole('seed', 0)
  }
  const names = Object.keys(TRAFFIC) as TrafficName[]
  const { traffic } = values
  if (traffic !== undefined) {
    const name = names.find((each) => each === traffic)
    if (!name) throw new WrongOption(`--traffic must be one of ${names.join(', ')}, but is ${traffic}`)
    return { list: [{ ...base, traffic: name }], write: values.write }
  }
  const sizes = [
    [1, 16],
    [64, 1000]
  ] as const
  return {
    list: [
      ...names.map((name) => ({ ...base, traffic: name })),
      ...sizes.map(([gpus, trainers]) => ({ ...base, traffic: 'mixed' as const, gpus, trainers }))
    ],
    write: values.write
  }
}

await program('simulate', USAGE, async (args) => {
  const { list, write } = scenarios(args)
  const tables: string[] = []
  for (const scenario of list) {
    const table = scenarioTable(scenario)
    console.log(`${table}\n`)
    tables.push(table)
  }
  if (!write) return
  const text = await readFile(DOCUMENT, 'utf8')
  if (!MARKERS.test(text)) throw new Error('docs/scheduling.md has no markers to write between')
  await writeFile(
    DOCUMENT,
    text.replace(MARKERS, (_all, open: string, close: string) => `${open}\n${tables.join('\n\n')}\n\n${close}`)
  )
})
