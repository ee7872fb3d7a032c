/** Minimum of a smooth function of many variables by L-BFGS (Liu & Nocedal 1989), in float64. */

export interface Point {
  readonly loss: number
  readonly gradient: Float64Array
}

/** May take its time, and let others have theirs in between. */
type Evaluate = (x: Float64Array) => Point | Promise<Point>

export interface LbfgsOptions {
  /** Ends when no part of the gradient is larger. */
  readonly tolerance: number
  readonly maxIterations: number
}

/** Steps that the curvature is told from. */
const MEMORY = 10

/**
 * @param start where to begin; not changed
 * @returns the best point found, and whether the tolerance was reached there
 */
export async function minimize(
  evaluate: Evaluate,
  start: Float64Array,
  { tolerance, maxIterations }: LbfgsOptions
): Promise<{ x: Float64Array; loss: number; iterations: number; converged: boolean }> {
  let x: Float64Array = start.slice()
  let { loss, gradient } = await evaluate(x)
  const steps: { s: Float64Array; y: Float64Array; rho: number }[] = []
  let iterations = 0
  for (; iterations < maxIterations && largest(gradient) > tolerance; iterations++) {
    const direction = descent(gradient, steps)
    const slope = dot(gradient, direction)
    const first = steps.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1
    const found = await search(evaluate, x, { loss, gradient }, direction, slope, first)
    if (!found) break
    const s = found.x.map((value, i) => value - x[i]!)
    const y = found.point.gradient.map((value, i) => value - gradient[i]!)
    const curvature = dot(s, y)
    if (curvature > 1e-300) steps.push({ s, y, rho: 1 / curvature })
    if (steps.length > MEMORY) steps.shift()
    x = found.x
    ;({ loss, gradient } = found.point)
  }
  return { x, loss, iterations, converged: largest(gradient) <= tolerance }
}

/** Minus the inverse Hessian, as far as it is known, times the gradient: the two-loop recursion. */
function descent(
  gradient: Float64Array,
  steps: readonly { s: Float64Array; y: Float64Array; rho: number }[]
): Float64Array {
  const q = gradient.map((value) => -value)
  const alphas: number[] = []
  for (const { s, y, rho } of [...steps].reverse()) {
    const alpha = rho * dot(s, q)
    alphas.push(alpha)
    add(q, -alpha, y)
  }
  const last = steps.at(-1)
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y))
    for (let i = 0; i < q.length; i++) q[i]! *= scale
  }
  for (const { s, y, rho } of steps) add(q, alphas.pop()! - rho * dot(y, q), s)
  return q
}

/** A step length by the weak Wolfe conditions, found by bisection; none when rounding leaves nothing to gain. */
async function search(
  evaluate: Evaluate,
  x: Float64Array,
  from: Point,
  direction: Float64Array,
  slope: number,
  first: number
): Promise<{ x: Float64Array; point: Point } | undefined> {
  let low = 0
  let high = Infinity
  let size = first
  for (let trial = 0; trial < 50; trial++) {
    const next = x.map((value, i) => value + size * direction[i]!)
    const point = await evaluate(next)
    if (!(point.loss <= from.loss + 1e-4 * size * slope)) high = size
    else if (dot(point.gradient, direction) < 0.9 * slope) low = size
    else return { x: next, point }
    size = high === Infinity ? 2 * low : (low + high) / 2
  }
  return undefined
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

function add(target: Float64Array, factor: number, values: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += factor * values[i]!
}

const largest = (values: Float64Array): number => values.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
