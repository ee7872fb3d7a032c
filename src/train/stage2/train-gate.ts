/** Trains one gate: batches, learning rate, a look at the validation pairs now and then, the best gate kept. */
import type { Feeds } from '../../engine/feeds.js'
import { StatefulGraph } from '../../engine/session.js'
import { ArmormError } from '../../errors.js'
import { outcome } from '../../heads/bootstrap.js'
import { bradleyTerryLoss, fitNonNegative } from '../../heads/bradley-terry.js'
import { gateStatistics } from '../../heads/gate-statistics.js'
import { type Random, seeded } from '../../random.js'
import { rowsOf } from '../pairs.js'
import { gateTensors, type GateShape, type GateWeights, initialGate } from './gate.js'
import type { GateSettings } from './settings.js'
import { type AdamW, buildStep, gateState, maskName, stepScalars } from './step-graph.js'
import { GateWeigher, weighed } from './weigher.js'

/** torch.optim.AdamW's. */
const ADAMW: AdamW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }

/** Shapes: N pairs, H width of the states, K objectives. */
export interface GateData {
  readonly hidden: number
  readonly objectives: number
  /** `[N, H]` states at the gate position. */
  readonly states: Float32Array
  /** `[N, K]` transformed ratings, chosen minus rejected. */
  readonly differences: Float32Array
  /** `[N]` greater than 0: what each pair counts. */
  readonly weights: Float32Array
  /** Pairs that are trained on, and those by which the best gate is chosen. */
  readonly train: Int32Array
  readonly validation: Int32Array
}

/** One look at the validation pairs; see gateStatistics for the last four. */
export interface CurvePoint {
  readonly step: number
  /** Mean loss of the steps since the last look; null before the first. With dropout it is higher than without. */
  readonly loss: number | null
  readonly validation_loss: number
  readonly validation_accuracy: number
  readonly logit_scale: number
  readonly entropy: number
  readonly top_share: number
  /** The largest of the mean weights. */
  readonly top_mean: number
  readonly variation: number
}

export interface TrainedGate {
  readonly shape: GateShape
  /** Those of the best step. */
  readonly weights: GateWeights
  readonly firstScale: number
  readonly curve: readonly CurvePoint[]
  readonly best: CurvePoint
  /** Whether `patience` ended the training before the last step. */
  readonly stoppedEarly: boolean
}

/**
 * Same data, settings, seed, machine and threads: the same gate, bit for bit.
 * @param onPoint told each look
 * @throws ArmormError invalid_config when the loss is not finite
 */
export async function trainGate(
  data: GateData,
  settings: GateSettings,
  seed: number,
  threads: number,
  onPoint?: (point: CurvePoint) => void
): Promise<TrainedGate> {
  const shape = { hidden: data.hidden, objectives: data.objectives, width: settings.width, layers: settings.layers }
  const firstScale = settings.logit_scale === 'fitted' ? fittedScale(data) : settings.logit_scale
  const step = await StatefulGraph.of(
    'gate step',
    buildStep({
      ...shape,
      ...ADAMW,
      temperature: settings.temperature,
      dropout: settings.dropout > 0,
      decay: settings.weight_decay > 0,
      scaleRate: firstScale
    }).encode(''),
    gateState(shape),
    threads
  )
  const weigher = await GateWeigher.open(shape, settings.temperature, threads)
  try {
    for (const [name, values] of Object.entries(initialGate(shape, firstScale, seeded(seed)))) step.set(name, values)
    const current = (): GateWeights => Object.fromEntries(gateTensors(shape).map(({ name }) => [name, step.get(name)]))
    const feeds = feedsOf(data, settings, seed)
    const curve: CurvePoint[] = []
    let best: { point: CurvePoint; weights: GateWeights } | undefined
    let losses: number[] = []
    let looksSince = 0
    const look = async (at: number): Promise<void> => {
      const point = await curvePoint(data, weigher, current(), at, losses)
      losses = []
      curve.push(point)
      onPoint?.(point)
      looksSince++
      if (best && !isBetter(point, best.point, settings.keep)) return
      const weights = Object.entries(current()).map(([name, values]) => [name, values.slice()] as const)
      best = { point, weights: Object.fromEntries(weights) }
      looksSince = 0
    }

    await look(0)
    let at = 0
    while (at < settings.steps && !(settings.patience > 0 && looksSince >= settings.patience)) {
      at++
      const { loss } = await step.run(feeds(at))
      if (!Number.isFinite(loss![0])) {
        throw new ArmormError('invalid_config', `stage2: the loss of step ${at} is not finite; lower learning_rate`)
      }
      losses.push(loss![0]!)
      if (at % settings.evaluate_every === 0 || at === settings.steps) await look(at)
    }
    const { point, weights } = best!
    return { shape, weights, firstScale, curve, best: point, stoppedEarly: at < settings.steps }
  } finally {
    await step.close()
    await weigher.close()
  }
}

function isBetter(point: CurvePoint, than: CurvePoint, keep: GateSettings['keep']): boolean {
  if (keep === 'loss') return point.validation_loss < than.validation_loss
  return point.validation_accuracy > than.validation_accuracy
}

/** The factor with which equal weights predict the pairs best; 1 where they predict nothing. */
function fittedScale({ objectives, differences, weights, train }: GateData): number {
  const equal = new Float32Array(train.length * objectives).fill(1 / objectives)
  const margins = weighed(equal, differences, objectives, train)
  const total = train.reduce((sum, row) => sum + weights[row]!, 0)
  const pairs = {
    differences: margins,
    features: 1,
    weights: Float64Array.from(train, (row) => weights[row]! / total)
  }
  // The penalty is too small to be seen, unless all pairs are won: then it keeps the factor finite.
  const [scale] = fitNonNegative(pairs, 1e-7)
  return scale! > 0 ? scale! : 1
}

async function curvePoint(
  data: GateData,
  weigher: GateWeigher,
  gate: GateWeights,
  step: number,
  losses: readonly number[]
): Promise<CurvePoint> {
  const { objectives, validation, weights: pairWeights } = data
  const weights = await weigher.weigh(gate, data.states, validation)
  const margins = weighed(weights, data.differences, objectives, validation)
  const [scale] = gate['logit_scale']!
  const total = validation.reduce((sum, row) => sum + pairWeights[row]!, 0)
  const statistics = gateStatistics(weights, objectives)
  return {
    step,
    loss: losses.length === 0 ? null : losses.reduce((sum, loss) => sum + loss, 0) / losses.length,
    validation_loss: bradleyTerryLoss(
      margins.map((margin) => scale! * margin),
      Float64Array.from(validation, (row) => pairWeights[row]! / total)
    ),
    validation_accuracy: margins.reduce((sum, margin) => sum + outcome(margin), 0) / margins.length,
    logit_scale: scale!,
    entropy: statistics.entropy,
    top_share: statistics.topShare,
    top_mean: Math.max(...statistics.mean),
    variation: statistics.variation
  }
}

/** What the graph reads at each step, counted from 1 and asked for in order. */
function feedsOf(data: GateData, settings: GateSettings, seed: number): (step: number) => Feeds {
  const size = Math.min(settings.batch, data.train.length)
  // Streams of their own, so that dropout does not change which pairs make a batch.
  const next = batches(data.train, size, seeded(seed ^ 0x5bd1e995))
  const dropping = seeded(seed ^ 0x27d4eb2f)
  const masks =
    settings.dropout > 0 ? Array.from({ length: settings.layers }, () => new Float32Array(size * settings.width)) : []
  const kept = 1 / (1 - settings.dropout)
  const scalar = (value: number) => ({ data: Float32Array.of(value), shape: [] })
  return (step) => {
    const batch = next()
    // As torch's CosineAnnealingLR to 0 over all steps.
    const learningRate = (settings.learning_rate * (1 + Math.cos((Math.PI * (step - 1)) / settings.steps))) / 2
    const { rate, epsilon, decay } = stepScalars(ADAMW, step, learningRate, settings.weight_decay)
    for (const mask of masks) for (let i = 0; i < mask.length; i++) mask[i] = dropping() < settings.dropout ? 0 : kept
    const total = batch.reduce((sum, row) => sum + data.weights[row]!, 0)
    return {
      states: { data: rowsOf(data.states, data.hidden, batch), shape: [size, data.hidden] },
      differences: { data: rowsOf(data.differences, data.objectives, batch), shape: [size, data.objectives] },
      pair_weights: { data: Float32Array.from(batch, (row) => data.weights[row]! / total), shape: [size] },
      rate: scalar(rate),
      epsilon: scalar(epsilon),
      ...(settings.weight_decay > 0 && { decay: scalar(decay) }),
      ...Object.fromEntries(masks.map((data, layer) => [maskName(layer), { data, shape: [size, settings.width] }]))
    }
  }
}

/** Batches of pairs in a random order, each pair once before any comes again. */
function batches(pairs: Int32Array, size: number, random: Random): () => Int32Array {
  const order = pairs.slice()
  let at = order.length
  const draw = (): number => {
    if (at === order.length) {
      for (let i = order.length - 1; i > 0; i--) {
        const other = Math.floor(random() * (i + 1))
        ;[order[i], order[other]] = [order[other]!, order[i]!]
      }
      at = 0
    }
    return order[at++]!
  }
  return () => Int32Array.from({ length: size }, draw)
}
