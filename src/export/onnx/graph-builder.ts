/** Collects nodes and initializers of one ONNX graph. Names are paths: `/layers.0/attn/qkv_proj/MatMul`. */
import type { ExternalDataWriter, ExternalRegion } from './external-data.js'
import {
  type AttributeValue,
  attribute,
  DataType,
  encodeModel,
  type GraphMessage,
  type NodeMessage,
  type TensorMessage,
  type ValueInfo
} from './model.js'

export interface NodeOptions {
  /** Operator set; '' is ONNX's own. */
  domain?: 'com.microsoft'
  attributes?: Readonly<Record<string, AttributeValue>>
  /** Which outputs the node has, by index; an optional output that nobody reads is left out. Default: only the first. */
  outputs?: readonly number[]
}

export class GraphBuilder {
  readonly #nodes: NodeMessage[] = []
  readonly #initializers: Map<string, TensorMessage>
  readonly #inputs: ValueInfo[] = []
  readonly #outputs: ValueInfo[] = []

  /** @param outer the graph that this one is the body of: constants of both are its initializers */
  constructor(
    readonly name: string,
    outer?: GraphBuilder
  ) {
    this.#initializers = outer ? outer.#initializers : new Map<string, TensorMessage>()
  }

  input(name: string, elementType: DataType, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, elementType, shape })
    return name
  }

  /** Declares `value` a graph output under `name`. */
  output(name: string, value: string, elementType: DataType, shape: readonly (number | string)[]): void {
    this.#nodes.push({
      name: `/${name}`,
      opType: 'Identity',
      domain: '',
      input: [value],
      output: [name],
      attribute: []
    })
    this.#outputs.push({ name, elementType, shape })
  }

  /** Adds a node and returns its first output; an input of '' is an optional one left out. */
  node(path: string, opType: string, input: readonly string[], options: NodeOptions = {}): string {
    this.nodes(path, opType, input, options)
    return `${path}/${opType}/output_0`
  }

  /** Like `node`, for a node with several outputs: returns the names of those listed in `options.outputs`. */
  nodes(path: string, opType: string, input: readonly string[], options: NodeOptions = {}): string[] {
    const name = `${path}/${opType}`
    const wanted = options.outputs ?? [0]
    const output = Array.from({ length: Math.max(...wanted) + 1 }, (_, index) =>
      wanted.includes(index) ? `${name}/output_${index}` : ''
    )
    const attributes = Object.entries(options.attributes ?? {}).map(([key, value]) => attribute(key, value))
    this.#nodes.push({ name, opType, domain: options.domain ?? '', input: [...input], output, attribute: attributes })
    return output.filter((value) => value !== '')
  }

  /** A small initializer that stays in the graph file. */
  tensor(name: string, dataType: DataType, dims: readonly number[], data: ArrayBufferView): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    this.#initializers.set(name, { name, dataType, dims: [...dims], rawData })
    return name
  }

  /** An initializer whose bytes lie in the external data file. */
  externalTensor(
    name: string,
    dataType: DataType,
    dims: readonly number[],
    data: ExternalDataWriter,
    region: ExternalRegion
  ): string {
    const externalData = [
      { key: 'location', value: data.location },
      { key: 'offset', value: String(region.offset) },
      { key: 'length', value: String(region.bytes) }
    ]
    this.#initializers.set(name, { name, dataType, dims: [...dims], externalData, dataLocation: 1 })
    return name
  }

  /** int64 list, shared by value. */
  ints(...values: number[]): string {
    const name = `/constants/int64/${values.join(',')}`
    return this.tensor(name, DataType.INT64, [values.length], BigInt64Array.from(values.map(BigInt)))
  }

  /** int64 scalar, shared by value. */
  int(value: number): string {
    return this.tensor(`/constants/int64/scalar/${value}`, DataType.INT64, [], BigInt64Array.of(BigInt(value)))
  }

  /** float32 scalar, shared by value. */
  float(value: number): string {
    return this.tensor(`/constants/float/${value}`, DataType.FLOAT, [], Float32Array.of(value))
  }

  /** Scalar, shared by value. */
  bool(value: boolean): string {
    return this.tensor(`/constants/${value}`, DataType.BOOL, [], Uint8Array.of(value ? 1 : 0))
  }

  /** As the attribute of the node that runs it; it sees the values of the graph around it by their names. */
  body(): GraphMessage {
    return { name: this.name, node: this.#nodes, initializer: [], input: this.#inputs, output: this.#outputs }
  }

  encode(producerVersion: string): Uint8Array {
    return encodeModel({ ...this.body(), initializer: [...this.#initializers.values()] }, producerVersion)
  }
}
