/** An operator's time is that of a part of the model, told by the path that the exporter gave it. */

/** One run of one operator. */
export interface OperatorTime {
  /** `/layers.3/attn/q_proj/FusedMatMul` */
  readonly path: string
  /** `FusedMatMul` */
  readonly operator: string
  readonly microseconds: number
}

export const PARTS = [
  'linear layers',
  'quantizing activations',
  'attention: products',
  'attention: softmax and mask',
  'attention: gathering, rotating',
  'feed-forward: silu, product',
  'norms',
  'rest'
] as const
export type Part = (typeof PARTS)[number]

/** Milliseconds of one run, by part. */
export type PartTimes = Readonly<Record<Part, number>>

/** One batch on one bundle. */
export interface Profile {
  readonly precision: string
  readonly load: string
  /** Distinct tokens of the batch. */
  readonly tokens: number
  readonly parts: PartTimes
}

const PRODUCT = /MatMul|Gemm|Attention/

/** Which part an operator belongs to. */
export function partOf({ path, operator }: Pick<OperatorTime, 'path' | 'operator'>): Part {
  if (/norm/i.test(path) && /LayerNormalization/.test(operator)) return 'norms'
  if (/\/attn\/block\//.test(path) || operator === 'GroupQueryAttention') {
    if (PRODUCT.test(operator)) return 'attention: products'
    if (/\/(weights|scores|mask|pads|before)\//.test(path)) return 'attention: softmax and mask'
    return 'attention: gathering, rotating'
  }
  if (/\/(silu|gated)\//.test(path)) return 'feed-forward: silu, product'
  if (/_proj\//.test(path)) {
    if (PRODUCT.test(operator) || operator === 'Add') return 'linear layers'
    return 'attention: gathering, rotating'
  }
  // int8: what surrounds integer products is there for their sake.
  if (/\/(rounded|exact)\/(qkv|gate_up)\//.test(path)) {
    return operator === 'MatMulIntegerToFloat' ? 'linear layers' : 'quantizing activations'
  }
  if (/\/(attn|rotary|attended|joined)\//.test(path)) return 'attention: gathering, rotating'
  if (/\/mlp\//.test(path)) return 'feed-forward: silu, product'
  return 'rest'
}

/** @param runs how often the batch ran */
export function partTimes(operators: readonly OperatorTime[], runs: number): PartTimes {
  const times = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>
  for (const each of operators) times[partOf(each)] += each.microseconds / 1000 / runs
  return times
}

const total = (parts: PartTimes): number => PARTS.reduce((sum, part) => sum + parts[part], 0)
const share = (parts: PartTimes, part: Part): number => parts[part] / total(parts)

/** Markdown: a row a part, a column a batch, in percent; the last row is the time of a distinct token. */
export function profileTable(profiles: readonly Profile[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    row(['part', ...profiles.map(({ precision, load }) => `${precision}, ${load}`)]),
    row(['---', ...profiles.map(() => '---:')]),
    ...PARTS.map((part) => row([part, ...profiles.map(({ parts }) => `${(share(parts, part) * 100).toFixed(1)} %`)])),
    row([
      'microseconds a distinct token',
      ...profiles.map(({ parts, tokens }) => ((total(parts) / tokens) * 1000).toFixed(0))
    ])
  ].join('\n')
}

const COLOURS = ['#30638e', '#00798c', '#d1495b', '#edae49', '#f2d388', '#66a182', '#8d96a3', '#c9cdd2']
const BAR = { left: 250, width: 620, height: 22, gap: 10, top: 84 }

/** An SVG: a bar a batch, as long as a distinct token takes, in the colours of its parts. */
export function profilePicture(profiles: readonly Profile[], parts: readonly Part[]): string {
  const each = profiles.map((profile) => ({ ...profile, perToken: (total(profile.parts) / profile.tokens) * 1000 }))
  const longest = Math.max(...each.map(({ perToken }) => perToken))
  const height = BAR.top + each.length * (BAR.height + BAR.gap) + 8
  const legend = parts.map((part, i) => {
    const [x, y] = [12 + (i % 4) * 225, 12 + Math.floor(i / 4) * 24]
    return `<rect x="${x}" y="${y}" width="12" height="12" fill="${COLOURS[i]}"/><text x="${x + 18}" y="${y + 11}">${part}</text>`
  })
  const bars = each.flatMap(({ precision, load, parts: times, perToken }, row) => {
    const y = BAR.top + row * (BAR.height + BAR.gap)
    let x = BAR.left
    const pieces = parts.map((part, i) => {
      const width = share(times, part) * (perToken / longest) * BAR.width
      const piece = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR.height}" fill="${COLOURS[i]}"/>`
      x += width
      return piece
    })
    return [
      `<text x="12" y="${y + 15}">${precision}, ${load}</text>`,
      ...pieces,
      `<text x="${(x + 6).toFixed(1)}" y="${y + 15}">${perToken.toFixed(0)} µs</text>`
    ]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="940" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="940" height="${height}" fill="white"/>`,
    ...legend,
    `<text x="12" y="72" fill="#555">microseconds of one core for each distinct token, by part</text>`,
    ...bars,
    '</svg>',
    ''
  ].join('\n')
}
