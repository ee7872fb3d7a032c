/**
 * `armorm serve` with the stand-in in the place of the engine. STAND_IN_RATE: distinct tokens that it serves in a second;
 * without it, all at once.
 */
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { serveCommand } from '../../src/cli/serve.js'

const standIn = fileURLToPath(new URL('./engine.js', import.meta.url))
await new Command('stand-in').addCommand(serveCommand(standIn)).parseAsync()
