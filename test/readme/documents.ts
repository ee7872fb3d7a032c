/** Documents whose commands `npm run test:readme` runs, in this order, and those that it leaves alone. */

/** The README first: what it starts and makes, the others use. */
export const RUN = [
  'README.md',
  'docs/api.md',
  'docs/options.md',
  'docs/contracts.md',
  'docs/export.md',
  'docs/operating.md',
  'docs/tracing.md',
  'kubernetes/README.md',
  'clients/python/README.md'
]

/** Why the commands of a document are not run here. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'CONTRIBUTING.md': 'it is for a working tree under change',
  'docs/images.md': 'test:image does the same without Docker, which its commands need',
  'clients/typescript/README.md': 'it installs into the folder; test/clients/typescript.test.ts runs its example',
  'models/default/README.md': 'it says how the bundle was made, of a checkpoint that the repository does not hold',
  'test/clients/README.md': 'it needs torch and transformers'
}
