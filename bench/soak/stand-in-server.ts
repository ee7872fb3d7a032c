/** `armorm serve` with the stand-in in the place of the engine. */
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { serveCommand } from '../../src/cli/serve.js'

const standIn = fileURLToPath(new URL('./stand-in-engine.js', import.meta.url))
await new Command('stand-in').addCommand(serveCommand(standIn)).parseAsync()
