import {
  bytes,
  type Codec,
  codecOf,
  compressed,
  type Duration,
  type InputOf,
  json,
  number,
  type OutputOf,
  type StandardSchema,
  text,
  vector,
  versioned,
} from '../../src/index.ts'
import type { Equal, Expect } from './expect.ts'

interface User {
  name: string
}

declare const booking: StandardSchema<{ day: string }, { day: Date }>

const user = json<User>()
const compressedBooking = compressed(booking)
const bookingCodec = codecOf(booking)

export type CodecsSayWhatTheyTakeAndGive = [
  Expect<Equal<InputOf<typeof user>, User>>,
  Expect<Equal<OutputOf<typeof user>, User>>,
  Expect<Equal<InputOf<typeof booking>, { day: string }>>,
  Expect<Equal<OutputOf<typeof booking>, { day: Date }>>,
  Expect<Equal<InputOf<typeof compressedBooking>, { day: string }>>,
  Expect<Equal<OutputOf<typeof compressedBooking>, { day: Date }>>,
  Expect<Equal<typeof bookingCodec, Codec<{ day: string }, { day: Date }>>>,
  Expect<Equal<InputOf<ReturnType<typeof number>>, number>>,
  Expect<Equal<OutputOf<ReturnType<typeof bytes>>, Uint8Array>>,
  Expect<Equal<InputOf<ReturnType<typeof vector>>, Float32Array>>,
  Expect<Equal<OutputOf<ReturnType<typeof vector>>, Float32Array>>,
]

// @ts-expect-error the name is missing
user.encode({})

// @ts-expect-error text takes strings
text().encode(5)

// @ts-expect-error numbers take numbers
number().encode('5')

// @ts-expect-error bytes take bytes
bytes().encode('abc')

// @ts-expect-error vectors are of 32-bit floats
vector().encode([0.5])

// @ts-expect-error neither a codec nor a schema
codecOf({ parse: JSON.parse })

versioned(user, { version: 1, upcast: old => ({ name: String(old) }) })

// @ts-expect-error an upcast gives what a write takes
versioned(user, { version: 1, upcast: old => ({ title: String(old) }) })

// @ts-expect-error the algorithm is gzip, brotli or zstd
compressed(user, { algorithm: 'zip' })

// @ts-expect-error a threshold has a unit
compressed(user, { above: '100' })

// @ts-expect-error a length of time has a unit
export const unitless: Duration = '30'

// @ts-expect-error months are not of one length
export const month: Duration = '1month'
