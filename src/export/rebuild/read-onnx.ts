/** Initializers of an ONNX file, those in its external data file too, and the attributes of its nodes. */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { readExactly } from '../../checkpoint/header.js'

export interface Initializer {
  /** TensorProto.DataType. */
  readonly dataType: number
  readonly dims: readonly number[]
  readonly bytes: () => Promise<Buffer>
}

export interface OnnxFile {
  readonly initializers: ReadonlyMap<string, Initializer>
  /** Values of a float attribute, over all nodes that have it. */
  readonly floats: (attribute: string) => readonly number[]
  readonly close: () => Promise<void>
}

interface Tensor {
  name: string
  dims?: number[]
  dataType: number
  rawData?: Uint8Array
  externalData?: { key: string; value: string }[]
}

interface Model {
  graph: { initializer?: Tensor[]; node?: { attribute?: { name: string; f?: number }[] }[] }
}

const SCHEMA = fileURLToPath(new URL('../../../../src/export/onnx/onnx.proto', import.meta.url))

const CHUNK_BYTES = 1 << 30

export async function readOnnx(path: string): Promise<OnnxFile> {
  const type = protobuf.loadSync(SCHEMA).lookupType('onnx.ModelProto')
  const model = type.toObject(type.decode(await readFile(path)), { longs: Number }) as Model
  const files = new Map<string, FileHandle>()
  const initializers = new Map<string, Initializer>()
  for (const tensor of model.graph.initializer ?? []) {
    const at = Object.fromEntries((tensor.externalData ?? []).map(({ key, value }) => [key, value]))
    const location = at['location']
    if (location !== undefined && !files.has(location)) {
      files.set(location, await open(join(dirname(path), location), 'r'))
    }
    initializers.set(tensor.name, {
      dataType: tensor.dataType,
      dims: tensor.dims ?? [],
      bytes: async () => {
        if (location === undefined) return Buffer.from(tensor.rawData ?? [])
        const bytes = Buffer.alloc(Number(at['length']))
        const start = Number(at['offset'] ?? 0)
        // One read takes less than 2 GiB.
        for (let done = 0; done < bytes.length; done += CHUNK_BYTES) {
          const piece = bytes.subarray(done, done + CHUNK_BYTES)
          await readExactly(files.get(location)!, piece, start + done, location)
        }
        return bytes
      }
    })
  }
  const attributes = (model.graph.node ?? []).flatMap(({ attribute }) => attribute ?? [])
  return {
    initializers,
    floats: (attribute) => attributes.flatMap(({ name, f }) => (name === attribute && f !== undefined ? [f] : [])),
    close: async () => {
      await Promise.all([...files.values()].map((file) => file.close()))
    }
  }
}
