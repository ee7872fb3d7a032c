/** bundle.json: what a bundle holds. TypeBox gives the type and the validation from one source. */
import { type Static, Type } from 'typebox'
import { BACKBONE_FILE, HEADS_FILE } from './files.js'

export const BUNDLE_FORMAT = 1
export const MANIFEST_FILE = 'bundle.json'

const Objective = Type.Object(
  {
    name: Type.String({ minLength: 1 }),
    /** Data set the objective was rated on, e.g. `helpsteer`; null where unknown. */
    source_set: Type.Union([Type.String(), Type.Null()]),
    /** native = multiplier * rating + offset, only where known (HelpSteer: 5r - 0.5 on a 0..4 scale). */
    native_scale: Type.Union([
      Type.Object(
        { multiplier: Type.Number(), offset: Type.Number(), low: Type.Number(), high: Type.Number() },
        { additionalProperties: false }
      ),
      Type.Null()
    ])
  },
  { additionalProperties: false }
)
export type Objective = Static<typeof Objective>

const Gate = Type.Object(
  {
    /** Token ids of the text between the end of the prompt and the answer; its first token is the gate position. */
    pattern: Type.Union([Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }), Type.Null()]),
    /** Where the pattern came from. */
    source: Type.Union([
      Type.Literal('option'),
      Type.Literal('config'),
      Type.Literal('chat_template'),
      Type.Literal('llama3'),
      Type.Null()
    ])
  },
  { additionalProperties: false }
)

const SelfTestCase = Type.Object(
  {
    input_ids: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }),
    gate_index: Type.Integer({ minimum: 0 }),
    ratings: Type.Array(Type.Number()),
    gating: Type.Array(Type.Number()),
    score: Type.Number()
  },
  { additionalProperties: false }
)
export type SelfTestCase = Static<typeof SelfTestCase>

const Fidelity = Type.Object(
  {
    conversations: Type.Integer({ minimum: 1 }),
    groups: Type.Integer({ minimum: 1 }),
    /** Mean over groups of Spearman's rank correlation of the scores. */
    spearman: Type.Number({ minimum: -1, maximum: 1 }),
    /** Share, 0..1, of the pairs within a group that the two bundles order differently. */
    flips: Type.Number({ minimum: 0, maximum: 1 }),
    /** Mean over groups of root-mean-square error over the standard deviation of the fp32 bundle's scores. */
    relative_error: Type.Number({ minimum: 0 }),
    /** Largest difference of a score. */
    largest_difference: Type.Number({ minimum: 0 }),
    /** SHA-256 of the file of conversations. */
    data_sha256: Type.String({ pattern: '^[0-9a-f]{64}$' })
  },
  { additionalProperties: false }
)
export type ManifestFidelity = Static<typeof Fidelity>

export const Manifest = Type.Object(
  {
    format_version: Type.Literal(BUNDLE_FORMAT),
    model: Type.Object(
      {
        name: Type.String({ minLength: 1 }),
        /** First 16 hex digits of the SHA-256 over all that decides a reward or its names (see revisionOf). */
        revision: Type.String({ pattern: '^[0-9a-f]{16}$' }),
        /** Name of the checkpoint (its `_name_or_path`), never a path of the exporting machine. */
        source: Type.String(),
        licence: Type.Union([Type.String(), Type.Null()])
      },
      { additionalProperties: false }
    ),
    backbone: Type.Object(
      {
        file: Type.Literal(BACKBONE_FILE),
        /**
         * fp32: as stored, widened. int8: products of 8-bit integers. compact: stored small (without loss where
         * the checkpoint was dequantized from 4 or 8 bits, else in 8 bits), computed in float32. fp16: in half precision
         * throughout, for CUDA.
         */
        precision: Type.Union([
          Type.Literal('fp32'),
          Type.Literal('fp16'),
          Type.Literal('int8'),
          Type.Literal('compact')
        ]),
        /** How rows that share tokens are attended to: see src/export/graph/attention-rows.ts and -cascade.ts. */
        attention: Type.Union([Type.Literal('rows'), Type.Literal('cascade')]),
        providers: Type.Array(Type.Union([Type.Literal('cpu'), Type.Literal('cuda')]), { minItems: 1 }),
        hidden_size: Type.Integer({ minimum: 1 }),
        layers: Type.Integer({ minimum: 1 }),
        vocab_size: Type.Integer({ minimum: 1 }),
        /** int8: ids of tokens whose massive activations no grid of 8 bits holds; the graph computes them apart. */
        exact_tokens: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }))
      },
      { additionalProperties: false }
    ),
    heads: Type.Object(
      {
        file: Type.Literal(HEADS_FILE),
        logit_scale: Type.Number(),
        temperature: Type.Number({ exclusiveMinimum: 0 }),
        /** `[K][K]`, adjusted_j = sum_i rating_i * transform[i][j]. */
        transform: Type.Array(Type.Array(Type.Number()))
      },
      { additionalProperties: false }
    ),
    objectives: Type.Array(Objective, { minItems: 1 }),
    gate: Gate,
    /** Longest sequence in tokens. */
    max_tokens: Type.Integer({ minimum: 2 }),
    /** Whether tokenizer.json is in the bundle; without it only `input_ids` can be scored. */
    tokenizer: Type.Boolean(),
    files: Type.Record(
      Type.String(),
      Type.Object(
        { sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }), bytes: Type.Integer({ minimum: 0 }) },
        { additionalProperties: false }
      )
    ),
    self_test: Type.Object(
      {
        /** Allowed difference, absolute or relative to max(1, |expected|). */
        tolerance: Type.Number({ exclusiveMinimum: 0 }),
        cases: Type.Array(SelfTestCase, { minItems: 1 })
      },
      { additionalProperties: false }
    ),
    /**
     * Scores held against those of an fp32 bundle of the same checkpoint, within groups of answers to one prompt; where
     * it was measured. It decides no reward: the revision does not depend on it.
     */
    fidelity: Type.Optional(Fidelity)
  },
  { additionalProperties: false }
)
export type Manifest = Static<typeof Manifest>

/** Ids of the tokens that the engine keeps apart; most bundles have none. */
export function exactTokensOf({ backbone }: Pick<Manifest, 'backbone'>): readonly number[] {
  return backbone.exact_tokens ?? []
}
