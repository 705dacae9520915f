import type { Codec, Stored } from '../codec.ts'
import { KeyplanError } from '../error.ts'
import { valueProblems } from './codec-of.ts'
import { type Algorithm, compress, decompress } from './compression.ts'
import { type Header, readHeader, withHeader } from './header.ts'
import { storedBytes, storedText } from './stored-text.ts'

/** What a headed form adds to a codec. */
export interface HeadedForm<In> {
  /** The current version of the value's shape. */
  readonly version: number
  /** Brings a value of an older version, as it is stored, to what a write takes today. */
  readonly upcast?: ((old: unknown, from: number) => In) | undefined
  readonly compression?:
    | { readonly algorithm: Algorithm; readonly above: number; readonly maxBytes: number }
    | undefined
}

/** What a kind says of one value when it writes it. */
export type Marks = Omit<Header, 'version' | 'compression'>

/** A stored value whose header has been read and whose payload has not. */
export interface Sealed<Out> {
  readonly marks: Marks
  /** @throws any error when the payload does not decode */
  value(): Out
}

/** A codec whose stored form may carry a header. As a plain codec it writes values without marks. */
export interface HeadedCodec<In, Out = In> extends Codec<In, Out> {
  readonly inner: Codec<In, Out>
  readonly form: HeadedForm<In>
  /** What is wrong with its options, for the declaration that uses it. */
  readonly problems: readonly string[]
  /** @throws KeyplanError VALUE_INVALID as `encode` does, and for what would unpack to more than `maxBytes` */
  seal(value: In, marks: Marks): Stored
  /** What is written where it is known that there is no value. */
  sealNone(marks: Marks): Stored
  /** The same value with other marks, its payload as it is. */
  renew(stored: Stored, marks: Marks): Stored
  open(stored: Stored): Sealed<Out>
}

export function isHeaded<In, Out>(codec: Codec<In, Out>): codec is HeadedCodec<In, Out> {
  return 'seal' in codec && 'open' in codec
}

/** The most a value may unpack to where no compression is declared any more: 64 MB. */
const defaultMaxBytes = 67_108_864

/** The headed form of a codec, with `changes` laid over the form it may already have. */
export function headed<In, Out>(
  codec: Codec<In, Out>,
  changes: Partial<HeadedForm<In>> = {},
  found: readonly string[] = [],
): HeadedCodec<In, Out> {
  const problems = [...valueProblems(codec), ...found]
  const inner = isHeaded(codec) ? codec.inner : codec
  const form: HeadedForm<In> = { version: 0, ...(isHeaded(codec) ? codec.form : undefined), ...changes }
  const { version, compression } = form

  const seal = (value: In, marks: Marks): Stored => {
    const payload = inner.encode(value)
    if (!compression || payload.length * 3 <= compression.above) return withHeader({ version, ...marks }, payload)
    return sealLarge(payload, marks)
  }

  const sealLarge = (payload: Stored, marks: Marks): Stored => {
    const { algorithm, above, maxBytes } = compression!
    const plain = storedBytes(payload)
    if (plain.length <= above) return withHeader({ version, ...marks }, payload)
    if (plain.length > maxBytes) {
      const message = `the value takes ${plain.length} bytes and compressed() reads up to ${maxBytes}; raise its maxBytes`
      throw new KeyplanError('VALUE_INVALID', message)
    }
    const packed = compress(algorithm, plain)
    if (packed.length >= plain.length) return withHeader({ version, ...marks }, payload)
    return withHeader({ version, compression: algorithm, ...marks }, packed)
  }

  const open = (stored: Stored): Sealed<Out> => {
    const { header, payload } = readHeader(stored)
    return { marks: header, value: () => payloadValue(header, payload) }
  }

  const payloadValue = (header: Header, payload: Stored): Out => {
    const plain = header.compression ? unpacked(header.compression, payload) : payload
    const readable = inner.binary ? plain : storedText(plain)
    const from = header.version ?? 0
    return from === version ? inner.decode(readable) : inner.decode(inner.encode(upcasted(readable, from)))
  }

  const unpacked = (algorithm: Algorithm, payload: Stored): Uint8Array => {
    if (typeof payload !== 'string') return decompress(algorithm, payload, compression?.maxBytes ?? defaultMaxBytes)
    throw new KeyplanError('DECODE_FAILED', 'the stored value is compressed; declare its codec compressed() to read it')
  }

  const upcasted = (payload: Stored, from: number): In => {
    if (from > version) {
      throw new KeyplanError('DECODE_FAILED', `the stored value has version ${from}; this plan reads up to ${version}`)
    }
    if (!form.upcast) {
      throw new KeyplanError(
        'DECODE_FAILED',
        `the stored value has version ${from} and there is no upcast to ${version}`,
      )
    }
    return form.upcast(inner.format === 'json' ? JSON.parse(storedText(payload)) : payload, from)
  }

  return {
    name: inner.name,
    binary: inner.binary || compression !== undefined,
    format: inner.format,
    inner,
    form,
    problems,
    seal,
    sealNone: marks => withHeader({ ...marks, none: true }, ''),
    renew(stored, marks) {
      const { header, payload } = readHeader(stored)
      return withHeader({ version: header.version, compression: header.compression, ...marks }, payload)
    },
    open,
    encode: value => seal(value, {}),
    decode: stored => open(stored).value(),
  }
}
