/**
 * Fidelity of one bundle's scores to another's, on groups of answers to one prompt.
 *
 *     npm run fidelity -- --reference <fp32 bundle> --bundle models/default [--data bench/conversations.jsonl]
 */
import { parseArgs } from 'node:util'
import { progressBar } from '../src/cli/progress.js'
import { countGroups } from '../src/evaluate/groups.js'
import { fidelityText, measureFidelity } from '../src/evaluate/measure-fidelity.js'
import { program, WrongOption } from './command-line.js'

const USAGE =
  'usage: npm run fidelity -- --reference <bundle> [--bundle models/default] [--data bench/conversations.jsonl]'

interface Options {
  reference: string
  bundle: string
  data: string
}

function options(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      reference: { type: 'string' },
      bundle: { type: 'string', default: 'models/default' },
      data: { type: 'string', default: 'bench/conversations.jsonl' }
    }
  })
  if (values.reference === undefined) throw new WrongOption('--reference is missing')
  return { ...values, reference: values.reference }
}

await program('fidelity', USAGE, async (args) => {
  const { reference, bundle, data } = options(args)
  const counts = await countGroups(data)
  const bar = progressBar()
  const found = await measureFidelity({ reference, other: bundle, data, counts, onProgress: bar.update }).finally(
    bar.stop
  )
  console.log(`${data}: ${fidelityText(found, counts)}`)
})
