/** The alert rules of docker/prometheus as a resource of the Prometheus operator. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'

// Compiled to build/scripts, two folders below the root.
const RULES = fileURLToPath(new URL('../../docker/prometheus/rules.yml', import.meta.url))

export function prometheusRule(): string {
  const spec = parse(readFileSync(RULES, 'utf8')) as object
  const resource = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'armorm' },
    spec
  }
  return `# Written by npm run openapi from docker/prometheus/rules.yml.\n${stringify(resource)}`
}
