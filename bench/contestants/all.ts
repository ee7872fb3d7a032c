/** Everybody who may take part. */
import type { ContestantFigures } from '../figures.js'

export const CONTESTANTS: readonly ContestantFigures[] = [
  { name: 'server', title: 'server', family: 'server' },
  { name: 'engine', title: 'engine', family: 'engine' },
  { name: 'server-int8', title: 'server, int8', family: 'int8' },
  { name: 'engine-int8', title: 'engine, int8', family: 'int8' },
  { name: 'pytorch-fp32-single', title: 'PyTorch fp32, one by one', family: 'pytorch' },
  { name: 'pytorch-fp32-padded', title: 'PyTorch fp32, padded', family: 'pytorch' },
  { name: 'pytorch-bf16-single', title: 'PyTorch bf16, one by one', family: 'pytorch' },
  { name: 'pytorch-bf16-padded', title: 'PyTorch bf16, padded', family: 'pytorch' },
  { name: 'plain', title: 'plain server, fp32', family: 'plain' },
  { name: 'llama.cpp-f32', title: 'llama.cpp f32', family: 'llama.cpp' },
  { name: 'llama.cpp-bf16', title: 'llama.cpp bf16', family: 'llama.cpp' }
]

/**
 * Who sits out with `--quick`: what is slower nearly everywhere than another of its family, and int8, whose export takes
 * longer than all the rest of a quick run.
 */
export const NOT_QUICK: readonly string[] = [
  'server-int8',
  'engine-int8',
  'pytorch-fp32-single',
  'pytorch-bf16-single',
  'llama.cpp-f32'
]
