/** Where things lie. Compiled tests run from build/test/..., fixtures and the built-in bundle stay in the checkout. */
import { fileURLToPath } from 'node:url'

/** Root of the checkout, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
export const FIXTURES = `${ROOT}test/fixtures/`
export const DEFAULT_MODEL = `${ROOT}models/default`
/** The compiled `armorm` program. */
export const ARMORM = `${ROOT}build/src/cli/main.js`
