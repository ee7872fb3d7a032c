/** Tensors of a checkpoint, read piece by piece: no file is ever loaded whole. */
import { type FileHandle, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmormError } from '../errors.js'
import { readExactly, readHeader, type StoredTensor } from './header.js'
import { ELEMENT_BYTES, type StoredType, widen } from './widen.js'

export const SINGLE_FILE = 'model.safetensors'
export const INDEX_FILE = 'model.safetensors.index.json'

/** Stored bytes read at once; bounds what a read needs beside its result. */
const CHUNK_BYTES = 4 << 20

export interface TensorInfo {
  readonly dtype: StoredType
  /** Sizes, outermost first. */
  readonly shape: readonly number[]
}

interface OpenFile {
  readonly file: string
  readonly handle: FileHandle
}

type Located = StoredTensor & OpenFile

/** Reads the tensors of a checkpoint folder: model.safetensors, or the shards that model.safetensors.index.json lists. */
export class SafetensorsReader {
  readonly #tensors: ReadonlyMap<string, Located>
  readonly #files: readonly OpenFile[]

  private constructor(tensors: ReadonlyMap<string, Located>, files: readonly OpenFile[]) {
    this.#tensors = tensors
    this.#files = files
  }

  /**
   * Opens a checkpoint folder and checks every header; model.safetensors comes before an index, as upstream.
   * @throws ArmormError unsupported_checkpoint when a file is missing or malformed; the message names file and tensor
   */
  static async open(folder: string): Promise<SafetensorsReader> {
    const files: OpenFile[] = []
    const tensors = new Map<string, Located>()
    const add = async (file: string, handle: FileHandle): Promise<void> => {
      files.push({ file, handle })
      for (const [name, tensor] of await readHeader(handle, file)) {
        const other = tensors.get(name)
        if (other) throw unsupported(`tensor ${name} is in both ${other.file} and ${file}`)
        tensors.set(name, { ...tensor, file, handle })
      }
    }
    try {
      const single = await openIfThere(join(folder, SINGLE_FILE))
      if (single) await add(SINGLE_FILE, single)
      else {
        const index = await readIndex(folder)
        for (const file of new Set(index.values())) {
          const handle = await openIfThere(join(folder, file))
          if (!handle) throw unsupported(`${INDEX_FILE} names ${file}, which does not exist`)
          await add(file, handle)
        }
        checkIndex(index, tensors)
      }
    } catch (error) {
      await Promise.all(files.map(({ handle }) => handle.close()))
      throw error
    }
    return new SafetensorsReader(tensors, files)
  }

  /**
   * Opens one file, whatever its name, and checks its header.
   * @throws ArmormError unsupported_checkpoint when it is missing or malformed; the message names file and tensor
   */
  static async openFile(path: string): Promise<SafetensorsReader> {
    const handle = await openIfThere(path)
    if (!handle) throw unsupported(`${path} does not exist`)
    try {
      const tensors = await readHeader(handle, path)
      const located = [...tensors].map(([name, tensor]) => [name, { ...tensor, file: path, handle }] as const)
      return new SafetensorsReader(new Map(located), [{ file: path, handle }])
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  names(): string[] {
    return [...this.#tensors.keys()]
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  /** @throws ArmormError unsupported_checkpoint when there is no such tensor */
  info(name: string): TensorInfo {
    const { dtype, shape } = this.#find(name)
    return { dtype, shape }
  }

  /**
   * Rows `firstRow .. firstRow + rows - 1` along the first axis, widened exactly; of a 1-D tensor a row is one element.
   * @returns `[rows, ...shape.slice(1)]` float32, row-major
   * @throws RangeError for rows outside the tensor; ArmormError unsupported_checkpoint when it does not exist
   */
  async readRows(name: string, firstRow: number, rows: number): Promise<Float32Array> {
    const { dtype, shape, offset, handle, file } = this.#find(name)
    const [height = 1, ...inner] = shape
    if (
      !Number.isInteger(firstRow) ||
      !Number.isInteger(rows) ||
      firstRow < 0 ||
      rows < 0 ||
      firstRow + rows > height
    ) {
      throw new RangeError(`rows ${firstRow} to ${firstRow + rows} of ${name}, which has ${height}`)
    }
    const rowLength = inner.reduce((product, size) => product * size, 1)
    const elementBytes = ELEMENT_BYTES[dtype]
    const values = new Float32Array(rows * rowLength)
    const start = offset + firstRow * rowLength * elementBytes
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, values.length * elementBytes))
    const chunkElements = chunk.length / elementBytes
    for (let at = 0; at < values.length; at += chunkElements) {
      const piece = chunk.subarray(0, Math.min(chunkElements, values.length - at) * elementBytes)
      await readExactly(handle, piece, start + at * elementBytes, file)
      widen(dtype, piece, values, at)
    }
    return values
  }

  /** The whole tensor, widened exactly: `shape` float32, row-major. */
  async readAll(name: string): Promise<Float32Array> {
    return this.readRows(name, 0, this.#find(name).shape[0] ?? 1)
  }

  /** A tensor's bytes as they are stored, in pieces. @throws ArmormError unsupported_checkpoint as `readRows` does */
  async *storedBytes(name: string): AsyncGenerator<Uint8Array> {
    const { dtype, shape, offset, handle, file } = this.#find(name)
    const size = shape.reduce((product, axis) => product * axis, ELEMENT_BYTES[dtype])
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const piece = new Uint8Array(Math.min(CHUNK_BYTES, size - at))
      await readExactly(handle, piece, offset + at, file)
      yield piece
    }
  }

  /** Closes the files. Reads in progress must have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#files.map(({ handle }) => handle.close()))
  }

  #find(name: string): Located {
    const tensor = this.#tensors.get(name)
    if (!tensor) throw unsupported(`the checkpoint has no tensor ${name}`)
    return tensor
  }
}

function unsupported(message: string, cause?: unknown): ArmormError {
  return new ArmormError('unsupported_checkpoint', message, {}, cause)
}

/** Opens a file for reading; undefined when it, or its folder, does not exist. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw unsupported(`cannot open ${path}: ${(error as Error).message}`, error)
  }
}

/** Tensor name -> shard, as model.safetensors.index.json states it. */
async function readIndex(folder: string): Promise<Map<string, string>> {
  let text: string
  try {
    text = await readFile(join(folder, INDEX_FILE), 'utf8')
  } catch (error) {
    throw unsupported(`${folder} holds neither ${SINGLE_FILE} nor ${INDEX_FILE}`, error)
  }
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw unsupported(`${INDEX_FILE} is not JSON`, error)
  }
  const map = (parsed as { weight_map?: unknown } | null)?.weight_map
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw unsupported(`${INDEX_FILE} has no weight_map`)
  const index = new Map<string, string>()
  for (const [name, file] of Object.entries(map)) {
    // A shard lies beside its index: a path would let a checkpoint read files outside its folder.
    if (typeof file !== 'string' || !/^[^/\\]+\.safetensors$/.test(file)) {
      throw unsupported(`${INDEX_FILE} places ${name} in ${JSON.stringify(file)}, which is no name of a shard`)
    }
    index.set(name, file)
  }
  return index
}

/** Index and shards must agree on every tensor. */
function checkIndex(index: ReadonlyMap<string, string>, tensors: ReadonlyMap<string, Located>): void {
  for (const [name, file] of index) {
    if (tensors.get(name)?.file !== file) throw unsupported(`${INDEX_FILE} places ${name} in ${file}, which lacks it`)
  }
  for (const [name, { file }] of tensors) {
    if (!index.has(name)) throw unsupported(`${file} holds ${name}, which ${INDEX_FILE} does not list`)
  }
}
