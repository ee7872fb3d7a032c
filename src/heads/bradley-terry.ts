/**
 * Bradley-Terry models that are linear in what is known of two responses: P(chosen beats rejected) = sigmoid(w · x), x the
 * features of the chosen minus those of the rejected (Bradley & Terry 1952). In float64; N pairs, D features.
 */

/** log(1 + exp(x)), without overflow. */
export const softplus = (x: number): number => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)))

/** 1 / (1 + exp(-x)). */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** N pairs, one a row. */
export interface Pairs {
  /** `[N, D]` row-major; with `rows`, of more pairs than these. */
  readonly differences: Float32Array | Float64Array
  /** D */
  readonly features: number
  /** `[N]` rows of `differences`, so that a part of them needs no copy; without it all. */
  readonly rows?: Int32Array
  /** `[N]`, adding up to 1: what each pair counts in the loss; without it all the same. */
  readonly weights?: Float32Array | Float64Array
}

const countOf = ({ differences, features, rows }: Pairs): number => rows?.length ?? differences.length / features

/** w · x of the row that begins at a place. Four sums at once: each addition need not wait for the one before. */
function margin(differences: Pairs['differences'], at: number, w: Float64Array): number {
  const whole = w.length - (w.length % 4)
  let [a, b, c, d] = [0, 0, 0, 0]
  for (let i = 0; i < whole; i += 4) {
    a += differences[at + i]! * w[i]!
    b += differences[at + i + 1]! * w[i + 1]!
    c += differences[at + i + 2]! * w[i + 2]!
    d += differences[at + i + 3]! * w[i + 3]!
  }
  for (let i = whole; i < w.length; i++) a += differences[at + i]! * w[i]!
  return a + b + (c + d)
}

/** `[N]` w · x of every pair. */
export function margins(pairs: Pairs, weights: Float64Array): Float64Array {
  const { differences, features, rows } = pairs
  const result = new Float64Array(countOf(pairs))
  for (let i = 0; i < result.length; i++) result[i] = margin(differences, (rows?.[i] ?? i) * features, weights)
  return result
}

/** Mean of log(1 + exp(-margin)), by the pairs' weights. */
export function bradleyTerryLoss(found: Float64Array, weights?: Pairs['weights']): number {
  let sum = 0
  for (let row = 0; row < found.length; row++) sum += (weights?.[row] ?? 1 / found.length) * softplus(-found[row]!)
  return sum
}

/** Loss + l2 / 2 |w|² and its gradient `[D]`. */
export function lossAndGradient(pairs: Pairs, w: Float64Array, l2: number): { loss: number; gradient: Float64Array } {
  const { differences, features, rows } = pairs
  const found = new Float64Array(countOf(pairs))
  const gradient = new Float64Array(features)
  let squares = 0
  for (let i = 0; i < features; i++) {
    gradient[i] = l2 * w[i]!
    squares += w[i]! ** 2
  }
  // Margin and gradient of a row one behind the other, while it is in the cache: memory is what takes the time.
  for (let row = 0; row < found.length; row++) {
    const at = (rows?.[row] ?? row) * features
    found[row] = margin(differences, at, w)
    const error = -(pairs.weights?.[row] ?? 1 / found.length) * sigmoid(-found[row]!)
    for (let i = 0; i < features; i++) gradient[i]! += error * differences[at + i]!
  }
  return { loss: bradleyTerryLoss(found, pairs.weights) + (l2 / 2) * squares, gradient }
}

/** Parts of the gradient below it are taken for 0. */
const FLAT = 1e-10

/**
 * Weights `[D]` of 0 or more with the smallest loss + l2 / 2 |w|², for few features. As in the least squares of Lawson &
 * Hanson (1974, chapter 23): Newton's method on the weights that are not held at 0; one that reaches 0 is held there,
 * and one that would gain most by leaving 0 is let go when the others are settled.
 * @param l2 greater than 0, so that there is one best answer
 */
export function fitNonNegative(pairs: Pairs, l2: number): Float64Array {
  const w = new Float64Array(pairs.features)
  const free = new Set<number>()
  let { loss, gradient } = lossAndGradient(pairs, w, l2)
  let settled = true
  // Far more turns than it ever takes: rounding must not make it an endless loop.
  for (let turn = 0; turn < 1000; turn++) {
    if (settled || [...free].every((i) => Math.abs(gradient[i]!) < FLAT)) {
      const held = [...gradient.keys()].filter((i) => !free.has(i) && gradient[i]! < -FLAT)
      if (held.length === 0) break
      free.add(held.reduce((best, i) => (gradient[i]! < gradient[best]! ? i : best)))
    }
    const moving = [...free]
    const direction = solve(
      hessian(pairs, w, l2, moving),
      moving.map((i) => -gradient[i]!)
    )
    const bounds = moving.map((i, at) => (direction[at]! < 0 ? -w[i]! / direction[at]! : Infinity))
    const bound = Math.min(...bounds)
    const slope = moving.reduce((sum, i, at) => sum + gradient[i]! * direction[at]!, 0)
    let size = Math.min(1, bound)
    let next = moved(w, moving, direction, size)
    let point = lossAndGradient(pairs, next, l2)
    while (point.loss > loss + 1e-4 * size * slope && size > 1e-9) {
      size /= 2
      next = moved(w, moving, direction, size)
      point = lossAndGradient(pairs, next, l2)
    }
    settled = !(point.loss < loss)
    if (size === bound) {
      const reached = moving[bounds.indexOf(bound)]!
      free.delete(reached)
      next[reached] = 0
      settled = false
    } else if (settled) continue
    w.set(next)
    ;({ loss, gradient } = lossAndGradient(pairs, w, l2))
  }
  return w
}

function moved(w: Float64Array, indices: readonly number[], direction: readonly number[], size: number): Float64Array {
  const next = w.slice()
  indices.forEach((i, at) => (next[i] = Math.max(0, w[i]! + size * direction[at]!)))
  return next
}

/** Second derivatives among the `free` weights, `[free, free]`. */
function hessian(pairs: Pairs, w: Float64Array, l2: number, free: readonly number[]): number[][] {
  const { differences, features, rows } = pairs
  const found = margins(pairs, w)
  const result = free.map((_, a) => free.map((_, b) => (a === b ? l2 : 0)))
  for (let row = 0; row < found.length; row++) {
    const p = sigmoid(found[row]!)
    const curvature = (pairs.weights?.[row] ?? 1 / found.length) * p * (1 - p)
    const at = (rows?.[row] ?? row) * features
    for (let a = 0; a < free.length; a++) {
      const left = curvature * differences[at + free[a]!]!
      for (let b = 0; b <= a; b++) result[a]![b]! += left * differences[at + free[b]!]!
    }
  }
  for (let a = 0; a < free.length; a++) for (let b = 0; b < a; b++) result[b]![a] = result[a]![b]!
  return result
}

/** Solves A x = b for a positive definite A, which is overwritten, by elimination. */
function solve(a: number[][], b: number[]): number[] {
  const n = b.length
  for (let i = 0; i < n; i++) {
    for (let row = i + 1; row < n; row++) {
      const share = a[row]![i]! / a[i]![i]!
      for (let column = i; column < n; column++) a[row]![column]! -= share * a[i]![column]!
      b[row]! -= share * b[i]!
    }
  }
  const x = new Array<number>(n).fill(0)
  for (let i = n - 1; i >= 0; i--) {
    let sum = b[i]!
    for (let column = i + 1; column < n; column++) sum -= a[i]![column]! * x[column]!
    x[i] = sum / a[i]![i]!
  }
  return x
}
