import { type CallOptions, checkOptions } from '../../base/call.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Server } from '../kind.ts'
import type { Reading, SessionStore, Touching } from './store.ts'

/** Reads that share a round trip. */
export interface Reads {
  /** What `map` makes of what lies at a key; `touch` says whether that counts as use. */
  one<T>(
    key: string,
    touch: boolean,
    options: CallOptions | undefined,
    map: (reading: Reading, key: string) => T | Promise<T>,
  ): Promise<T>
  /** Sends what is gathered, ahead of a write. */
  flush(): void
}

/** As many as the other kinds gather, by measurement. */
const batchSize = 32

export function createReads(
  steps: Pick<Guarded<SessionStore>, 'touch' | 'look'>,
  touching: Touching,
  lane: Server['lane'],
): Reads {
  const ask = (keys: readonly string[], touch: boolean, options: CallOptions | undefined) =>
    touch ? steps.touch(options, keys, touching) : steps.look(options, keys)

  const gatherOf = (touch: boolean) =>
    createGather<string, Reading>({
      max: batchSize,
      run: keys => ask(keys, touch, undefined),
      lane,
      key: key => key,
      separable: error => isKeyplanError(error, 'NO_PERMISSION'),
    })
  const touches = gatherOf(true)
  const looks = gatherOf(false)

  async function alone(key: string, touch: boolean, options: CallOptions): Promise<Reading> {
    const [reading] = await ask([key], touch, options)
    if (reading instanceof Error) throw reading
    return reading!
  }

  return {
    one(key, touch, options, map) {
      if (options?.signal === undefined && options?.deadline === undefined) {
        return (touch ? touches : looks).mapped(key, map)
      }
      checkOptions({ signal: options.signal, deadline: options.deadline })
      return alone(key, touch, options).then(reading => map(reading, key))
    },
    flush() {
      touches.flush()
      looks.flush()
    },
  }
}
