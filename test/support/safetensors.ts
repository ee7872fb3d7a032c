/** Writes small safetensors files, sound or broken, for tests. */

export interface StoredValues {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

/** A float32 tensor; without values, zeros. */
export function float32(shape: readonly number[], values?: readonly number[]): StoredValues {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1))
  if (values) data.set(values)
  return { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer) }
}

/** A tensor of 16-bit elements given as their bit patterns. */
export function bits16(dtype: 'BF16' | 'F16', shape: readonly number[], bits: readonly number[]): StoredValues {
  return { dtype, shape, bytes: new Uint8Array(Uint16Array.from(bits).buffer) }
}

/** A well-formed file. */
export function safetensorsFile(tensors: Readonly<Record<string, StoredValues>>): Buffer {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } }
  let offset = 0
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] }
    offset += bytes.length
  }
  return rawSafetensorsFile(JSON.stringify(header), Buffer.concat(Object.values(tensors).map(({ bytes }) => bytes)))
}

/** A file with any header text, length prefix and data. */
export function rawSafetensorsFile(
  header: string,
  data: Uint8Array,
  length = BigInt(Buffer.byteLength(header))
): Buffer {
  const prefix = Buffer.alloc(8)
  prefix.writeBigUInt64LE(length)
  return Buffer.concat([prefix, Buffer.from(header), data])
}

/** Tensors of a well-formed file, as they are stored. */
export function readSafetensorsFile(bytes: Buffer): Record<string, StoredValues> {
  const start = 8 + Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  return Object.fromEntries(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [begin, end]
          }
        ]) => [name, { dtype, shape, bytes: bytes.subarray(start + begin, start + end) }]
      )
  )
}

/** Values of a float32 tensor. */
export function floatsOf({ bytes }: StoredValues): number[] {
  return [...new Float32Array(Uint8Array.from(bytes).buffer)]
}
