import t from 'tap'
import { type OperatorTime, partOf, PARTS, partTimes, profilePicture, profileTable } from '../../bench/profile/parts.js'

t.test('paths of the exporter are parts of the model', async (t) => {
  const expected: Record<string, string> = {
    '/layers.3/attn/q_proj/FusedMatMul': 'linear layers',
    '/layers.3/mlp/down_proj/MatMulNBits': 'linear layers',
    '/layers.3/attn/o_proj/bias/Add': 'linear layers',
    '/layers.3/attn/block/scores/FusedMatMul': 'attention: products',
    '/layers.3/attn/GroupQueryAttention': 'attention: products',
    '/layers.3/attn/block/scores/Add': 'attention: softmax and mask',
    '/layers.3/attn/block/weights/Softmax': 'attention: softmax and mask',
    '/layers.3/attn/block/k/Gather': 'attention: gathering, rotating',
    '/layers.3/attn/k_proj/RotaryEmbedding': 'attention: gathering, rotating',
    '/layers.3/attn/packed/Gather': 'attention: gathering, rotating',
    '/layers.3/mlp/silu/QuickGelu': 'feed-forward: silu, product',
    '/layers.3/mlp/chunk/Gather': 'feed-forward: silu, product',
    '/layers.3/input_layernorm/SkipSimplifiedLayerNormalization': 'norms',
    '/norm/SkipSimplifiedLayerNormalization': 'norms',
    '/layers.3/rounded/gate_up/1/MatMulIntegerToFloat': 'linear layers',
    '/layers.3/exact/qkv/0/MatMulIntegerToFloat': 'linear layers',
    '/layers.3/rounded/qkv/0/scaled/Mul': 'quantizing activations',
    '/layers.3/rounded/gate_up/QuantizeLinear': 'quantizing activations',
    '/layers.3/rounded/qkv/k_proj/MatMul': 'linear layers',
    '/layers.3/exact/down/down_proj/MatMul': 'linear layers',
    '/layers.3/rounded/gated/Mul': 'feed-forward: silu, product',
    '/layers.3/rounded/rotary/0/RotaryEmbedding': 'attention: gathering, rotating',
    '/embed_tokens/levels/Gather': 'rest'
  }
  for (const [path, part] of Object.entries(expected)) {
    t.equal(partOf({ path, operator: path.slice(path.lastIndexOf('/') + 1) }), part, path)
  }
})

t.test('no time is lost, and shares sum to all of it', async (t) => {
  const operators: OperatorTime[] = [
    { path: '/layers.0/attn/q_proj/FusedMatMul', operator: 'FusedMatMul', microseconds: 3000 },
    { path: '/layers.0/attn/block/weights/Softmax', operator: 'Softmax', microseconds: 500 },
    { path: '/somewhere/else/Cast', operator: 'Cast', microseconds: 500 }
  ]
  const parts = partTimes(operators, 2)
  t.equal(
    PARTS.reduce((sum, part) => sum + parts[part], 0),
    2
  )
  const profile = { precision: 'fp32', load: 'made up', tokens: 10, parts }
  const table = profileTable([profile])
  t.match(table, /\| linear layers \| 75\.0 % \|/)
  t.match(table, /\| attention: softmax and mask \| 12\.5 % \|/)
  t.match(table, /\| microseconds a distinct token \| 200 \|/)
  const picture = profilePicture([profile], PARTS)
  t.match(picture, /^<svg [^>]*>[^]*<\/svg>\n$/)
  t.match(picture, />200 µs</)
})
