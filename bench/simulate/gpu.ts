/** The GPU of the simulation: an 8B Llama on one H100. */
import { batchCost } from '../../src/plan/batch-cost.js'
import { BACKBONES, GPUS } from '../../src/plan/hardware.js'

/** Milliseconds of a batch. */
export const batchMs = batchCost(GPUS.h100, BACKBONES['8b'])
