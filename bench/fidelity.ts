/**
 * Fidelity of one bundle's scores to another's, on groups of answers to one prompt.
 *
 *     npm run fidelity -- --reference <fp32 bundle> --bundle models/default [--data bench/conversations.jsonl]
 */
import { parseArgs } from 'node:util'
import { progressBar } from '../src/cli/progress.js'
import { countGroups } from '../src/evaluate/groups.js'
import { fidelityText, measureFidelity } from '../src/evaluate/measure-fidelity.js'

const USAGE =
  'usage: npm run fidelity -- --reference <bundle> [--bundle models/default] [--data bench/conversations.jsonl]'

interface Options {
  reference: string
  bundle: string
  data: string
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      reference: { type: 'string' },
      bundle: { type: 'string', default: 'models/default' },
      data: { type: 'string', default: 'bench/conversations.jsonl' }
    }
  })
  if (values.reference === undefined) throw new Error('--reference is missing')
  return { ...values, reference: values.reference }
}

async function main(): Promise<void> {
  const { reference, bundle, data } = options()
  const counts = await countGroups(data)
  const bar = progressBar()
  const found = await measureFidelity({ reference, other: bundle, data, counts, onProgress: bar.update }).finally(
    bar.stop
  )
  console.log(`${data}: ${fidelityText(found, counts)}`)
}

try {
  await main()
} catch (error) {
  console.error(`fidelity: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  process.exitCode = 1
}
