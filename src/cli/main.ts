#!/usr/bin/env node
/** The `armorm` program. */
import { Command } from 'commander'
import { ArmormError } from '../errors.js'
import { packageVersion } from '../version.js'
import { annotateCommand } from './annotate.js'
import { calibrateCommand } from './calibrate.js'
import { doctorCommand } from './doctor.js'
import { evaluateCommand } from './evaluate.js'
import { exportCommand } from './export.js'
import { planCommand } from './plan.js'
import { serveCommand } from './serve.js'
import { trainCommand } from './train.js'

const program = new Command('armorm')
  .description('Serve, export and study ArmoRM-style reward models')
  .version(await packageVersion())
  // `armorm train` and its steps have options of the same names: those behind a step's name are the step's.
  .enablePositionalOptions()
  .addCommand(serveCommand())
  .addCommand(exportCommand())
  .addCommand(annotateCommand())
  .addCommand(calibrateCommand())
  .addCommand(doctorCommand())
  .addCommand(evaluateCommand())
  .addCommand(planCommand())
  .addCommand(trainCommand())

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof ArmormError)) throw error
  // One clear line; the code is the heading in docs/errors.md.
  console.error(`armorm: ${error.code}: ${error.message}`)
  // What was started by then, an engine or tokenizer workers, would keep the process alive.
  process.exit(1)
}
