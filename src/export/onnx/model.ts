/** ONNX's protobuf messages, as far as the exporter writes them, and their encoding. */
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'

/** TensorProto.DataType. */
export const DataType = {
  FLOAT: 1,
  UINT8: 2,
  INT8: 3,
  INT32: 6,
  INT64: 7,
  BOOL: 9,
  FLOAT16: 10,
  DOUBLE: 11,
  BFLOAT16: 16
} as const
export type DataType = (typeof DataType)[keyof typeof DataType]

/** AttributeProto.AttributeType. */
const AttributeType = { FLOAT: 1, INT: 2, STRING: 3, GRAPH: 5, INTS: 7 } as const

export type AttributeValue =
  { int: number } | { float: number } | { string: string } | { ints: readonly number[] } | { graph: GraphMessage }

export interface AttributeMessage {
  name: string
  type: number
  i?: number
  f?: number
  s?: Uint8Array
  ints?: readonly number[]
  g?: object
}

export interface NodeMessage {
  name: string
  opType: string
  domain: string
  input: string[]
  output: string[]
  attribute: AttributeMessage[]
}

export interface TensorMessage {
  name: string
  dataType: DataType
  dims: number[]
  rawData?: Uint8Array
  externalData?: { key: string; value: string }[]
  /** TensorProto.DataLocation: 0 in the message, 1 external. */
  dataLocation?: number
}

/** A graph input or output; a string dimension is symbolic. */
export interface ValueInfo {
  name: string
  elementType: DataType
  shape: readonly (number | string)[]
}

export interface GraphMessage {
  name: string
  node: NodeMessage[]
  initializer: TensorMessage[]
  input: ValueInfo[]
  output: ValueInfo[]
}

/** Default-domain opset, contrib opset and IR version of everything the exporter writes. */
export const OPSET = 21
const CONTRIB_OPSET = 1
const IR_VERSION = 10

export function attribute(name: string, value: AttributeValue): AttributeMessage {
  if ('int' in value) return { name, type: AttributeType.INT, i: value.int }
  if ('float' in value) return { name, type: AttributeType.FLOAT, f: value.float }
  if ('ints' in value) return { name, type: AttributeType.INTS, ints: value.ints }
  if ('graph' in value) return { name, type: AttributeType.GRAPH, g: graphMessage(value.graph) }
  return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value.string) }
}

function graphMessage({ name, node, initializer, input, output }: GraphMessage): object {
  return { name, node, initializer, input: input.map(valueInfoMessage), output: output.map(valueInfoMessage) }
}

function valueInfoMessage({ name, elementType, shape }: ValueInfo): object {
  const dim = shape.map((size) => (typeof size === 'string' ? { dimParam: size } : { dimValue: size }))
  return { name, type: { tensorType: { elemType: elementType, shape: { dim } } } }
}

let modelType: protobuf.Type | undefined

/** Encodes a graph as the bytes of an ONNX model file. @throws Error when a field has the wrong type (a defect). */
export function encodeModel(graph: GraphMessage, producerVersion: string): Uint8Array {
  // The schema is data: it stays beside the sources and is not compiled.
  const schema = fileURLToPath(new URL('../../../../src/export/onnx/onnx.proto', import.meta.url))
  modelType ??= protobuf.loadSync(schema).lookupType('onnx.ModelProto')
  const message = {
    irVersion: IR_VERSION,
    producerName: 'armorm-server',
    producerVersion,
    opsetImport: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: CONTRIB_OPSET }
    ],
    graph: graphMessage(graph)
  }
  const problem = modelType.verify(message)
  if (problem) throw new Error(`ONNX message: ${problem}`)
  return modelType.encode(modelType.create(message)).finish()
}
