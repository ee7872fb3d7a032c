/** The graph and the plain reference against PyTorch's autograd and AdamW. */
import { readFile } from 'node:fs/promises'
import t from 'tap'
import type { Feeds } from '../../../src/engine/feeds.js'
import { StatefulGraph } from '../../../src/engine/session.js'
import { adamW, gateGradients, type PlainGate } from '../../../src/reference/gate-step.js'
import { gateTensors, type GateShape } from '../../../src/train/stage2/gate.js'
import { buildStep, gateState, maskName, momentName, stepScalars } from '../../../src/train/stage2/step-graph.js'

type Tensors = Record<string, number[]>

interface Case {
  readonly name: string
  readonly shape: GateShape
  readonly pairs: number
  readonly temperature: number
  readonly weight_decay: number
  readonly first: Tensors
  readonly batches: readonly {
    readonly states: number[]
    readonly differences: number[]
    readonly pair_weights: number[]
    readonly masks: number[][]
    readonly learning_rate: number
    readonly loss: number
    readonly gradients: Tensors
    readonly after: Tensors
  }[]
}

const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

const fixture = JSON.parse(
  await readFile(new URL('../../../../test/fixtures/train/stage2/gate-steps.json', import.meta.url), 'utf8')
) as { cases: Case[] }

/** Largest difference between two lists, beside the largest value. */
function distance(found: ArrayLike<number>, wanted: readonly number[]): number {
  const scale = Math.max(...wanted.map(Math.abs), 1e-3)
  return Math.max(...wanted.map((value, i) => Math.abs(value - found[i]!))) / scale
}

function plainGate(tensors: Tensors, depth: number): PlainGate {
  const layers = Array.from({ length: depth + 1 }, (_, layer) => ({
    weight: Float64Array.from(tensors[`layers.${layer}.weight`]!),
    bias: Float64Array.from(tensors[`layers.${layer}.bias`]!)
  }))
  return { layers, logitScale: tensors['logit_scale']![0]! }
}

/** Tensors of a plain gate by name. */
function byName({ layers, logitScale }: PlainGate): Record<string, Float64Array> {
  const entries = layers.flatMap(({ weight, bias }, layer): [string, Float64Array][] => [
    [`layers.${layer}.weight`, weight],
    [`layers.${layer}.bias`, bias]
  ])
  return Object.fromEntries([...entries, ['logit_scale', Float64Array.of(logitScale)]])
}

for (const { name, shape, pairs, temperature, weight_decay, first, batches } of fixture.cases) {
  t.test(`reference: ${name}`, async (t) => {
    let tensors = first
    const moments = Object.fromEntries(
      Object.entries(first).map(([key, { length }]) => [
        key,
        { mean: new Float64Array(length), square: new Float64Array(length) }
      ])
    )
    for (const [index, batch] of batches.entries()) {
      const { loss, gradients } = gateGradients(
        plainGate(tensors, shape.layers),
        {
          states: Float64Array.from(batch.states),
          differences: Float64Array.from(batch.differences),
          pairWeights: Float64Array.from(batch.pair_weights),
          masks: batch.masks.map((mask) => Float64Array.from(mask))
        },
        temperature
      )
      t.ok(distance([loss], [batch.loss]) < 1e-12, 'loss')
      const after: Tensors = {}
      for (const [key, gradient] of Object.entries(byName(gradients))) {
        t.ok(distance(gradient, batch.gradients[key]!) < 1e-12, `gradient of ${key}`)
        const values = Float64Array.from(tensors[key]!)
        const weightDecay = key.endsWith('weight') ? weight_decay : 0
        const options = { ...ADAMW, learningRate: batch.learning_rate, weightDecay }
        adamW({ values, ...moments[key]! }, gradient, index + 1, options)
        t.ok(distance(values, batch.after[key]!) < 1e-12, `${key} after step ${index + 1}`)
        after[key] = [...values]
      }
      tensors = after
    }
  })

  t.test(`graph: ${name}`, async (t) => {
    const dropout = batches[0]!.masks.length > 0
    const options = { ...shape, ...ADAMW, temperature, dropout, decay: weight_decay > 0, scaleRate: 1 }
    const graph = await StatefulGraph.of('step', buildStep(options).encode('test'), gateState(shape), 1)
    for (const [key, values] of Object.entries(first)) graph.set(key, Float32Array.from(values))
    const matrix = (values: readonly number[]) => ({
      data: Float32Array.from(values),
      shape: [pairs, values.length / pairs]
    })
    for (const [index, batch] of batches.entries()) {
      const scalars = stepScalars(ADAMW, index + 1, batch.learning_rate, weight_decay)
      const scalar = (value: number) => ({ data: Float32Array.of(value), shape: [] })
      const feeds: Feeds = {
        states: matrix(batch.states),
        differences: matrix(batch.differences),
        pair_weights: { data: Float32Array.from(batch.pair_weights), shape: [pairs] },
        rate: scalar(scalars.rate),
        epsilon: scalar(scalars.epsilon)
      }
      if (weight_decay > 0) feeds.decay = scalar(scalars.decay)
      for (const [layer, mask] of batch.masks.entries()) feeds[maskName(layer)] = matrix(mask)
      const before = gateTensors(shape).map(({ name: key }) => Float32Array.from(graph.get(momentName(key))))
      const { loss } = await graph.run(feeds)
      t.ok(distance(loss!, [batch.loss]) < 1e-6, 'loss')
      for (const [i, { name: key }] of gateTensors(shape).entries()) {
        // The mean moves by the gradient: what is left of the one before taken off, it is the gradient.
        const gradient = graph.get(momentName(key)).map((sum, at) => sum - ADAMW.beta1 * before[i]![at]!)
        t.ok(distance(gradient, batch.gradients[key]!) < 1e-5, `gradient of ${key}`)
        t.ok(distance(graph.get(key), batch.after[key]!) < 3e-6, `${key} after step ${index + 1}`)
      }
    }
    await graph.close()
  })
}
