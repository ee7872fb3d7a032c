/**
 * reference.json: what a model gave to a reference set of conversations. It maps scores to 0..1, and shows later how
 * far traffic has moved. `armorm calibrate` writes it; it holds no text. It decides no reward, so it is no part of
 * the manifest, and the model's revision does not change with it.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import Schema from 'typebox/schema'
import { ArmormError } from '../errors.js'
import type { Manifest } from './manifest.js'
import { schemaProblem } from './schema-problem.js'

export const REFERENCE_FILE = 'reference.json'
export const REFERENCE_FORMAT = 2
/** The lowest value, percentiles 1 to 99, the highest. */
export const PERCENTILES = 101

const closed = { additionalProperties: false }

const Distribution = Type.Object(
  {
    mean: Type.Number(),
    standard_deviation: Type.Number({ minimum: 0 }),
    /** `[101]`, never falling: the lowest value, percentiles 1 to 99, the highest. */
    percentiles: Type.Array(Type.Number(), { minItems: PERCENTILES, maxItems: PERCENTILES })
  },
  closed
)
export type Distribution = Static<typeof Distribution>

export const Reference = Type.Object(
  {
    format_version: Type.Literal(REFERENCE_FORMAT),
    /** Revision of the model that gave the scores. */
    model_revision: Type.String({ pattern: '^[0-9a-f]{16}$' }),
    /** Conversations that were scored. */
    conversations: Type.Integer({ minimum: 1 }),
    score: Distribution,
    /** Tokens of a conversation. */
    tokens: Distribution,
    /** Spearman's, of score and tokens of the response; null when either was constant. */
    score_length_correlation: Type.Union([Type.Number({ minimum: -1, maximum: 1 }), Type.Null()]),
    /** Entropy of a conversation's gating weights over that of equal ones. */
    gate_entropy: Distribution,
    /** One an objective, in the model's order. */
    objectives: Type.Array(Type.Object({ name: Type.String(), rating: Distribution, gating: Distribution }, closed))
  },
  closed
)
export type Reference = Static<typeof Reference>

const validator = Schema.Compile(Reference)

/**
 * Reads the bundle's reference.
 * @returns null when the bundle has none
 * @throws ArmormError bundle_invalid saying what is wrong, also when it was made with another revision of the model
 */
export async function loadReference(folder: string, manifest: Manifest): Promise<Reference | null> {
  let text
  try {
    text = await readFile(join(folder, REFERENCE_FILE), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw invalid(`cannot be read (${code})`)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid('not JSON')
  }
  return checkReference(json, manifest)
}

function checkReference(json: unknown, manifest: Manifest): Reference {
  const version = (json as { format_version?: unknown } | null)?.format_version
  if (version !== undefined && version !== REFERENCE_FORMAT) {
    throw invalid(`format version ${JSON.stringify(version)}; this server reads version ${REFERENCE_FORMAT}`)
  }
  const [ok, errors] = validator.Errors(json)
  if (!ok) throw invalid(schemaProblem(errors))
  const reference = json as Reference
  const { revision } = manifest.model
  if (reference.model_revision !== revision) {
    throw invalid(`made with revision ${reference.model_revision} of the model, not ${revision}: calibrate again`)
  }
  const names = manifest.objectives.map(({ name }) => name)
  if (reference.objectives.length !== names.length || reference.objectives.some(({ name }, k) => name !== names[k])) {
    throw invalid("/objectives are not the model's: calibrate again")
  }
  const distributions: [string, Distribution][] = [
    ['score', reference.score],
    ['tokens', reference.tokens],
    ['gate_entropy', reference.gate_entropy],
    ...reference.objectives.flatMap(({ rating, gating }, k): [string, Distribution][] => [
      [`objectives/${k}/rating`, rating],
      [`objectives/${k}/gating`, gating]
    ])
  ]
  for (const [place, { percentiles }] of distributions) {
    const falls = percentiles.findIndex((value, p) => p > 0 && value < (percentiles[p - 1] ?? value))
    if (falls >= 0) throw invalid(`/${place}/percentiles/${falls} is less than the one before it`)
  }
  return reference
}

function invalid(message: string): ArmormError {
  return new ArmormError('bundle_invalid', `${REFERENCE_FILE}: ${message}`, { file: REFERENCE_FILE })
}
