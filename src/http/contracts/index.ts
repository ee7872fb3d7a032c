import { native } from '../routes/score.js'
import type { Contract } from './contract.js'
import { kserve } from './kserve/index.js'
import { llamaFactory } from './llama-factory/index.js'
import { oip } from './oip/index.js'
import { openrlhf } from './openrlhf/index.js'
import { sglang } from './sglang/index.js'
import { tei } from './tei/index.js'
import { vllm } from './vllm/index.js'

/** All contracts; where two have a URL in common, the earlier one answers what neither recognises. */
export const CONTRACTS: readonly Contract[] = [native, openrlhf, llamaFactory, vllm, sglang, oip, kserve, tei]
