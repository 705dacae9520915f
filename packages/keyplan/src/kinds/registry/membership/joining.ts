import { checkOptions } from '../../../base/call.ts'
import { KeyplanError, kindOf } from '../../../base/error.ts'
import type { Surroundings } from '../../kind.ts'
import type { Counting } from '../figures.ts'
import { headOf, loadText, metadataText } from '../record.ts'
import type { RegistrySettings } from '../settings.ts'
import type { Entry } from '../store.ts'
import { checkCapabilities, checkLoad, fieldsOf, termsOf } from '../terms.ts'
import type { JoinOptions, Membership } from './contract.ts'
import type { Hub } from './hub.ts'
import { type Contents, createMember, type Member } from './member.ts'

/** Lets members of this process join. */
export interface Joining {
  /** @param hub gives the hub of the registry, which is another one after its last member has left */
  join(hub: () => Hub, id: string, options: JoinOptions<unknown>): Promise<Membership>
  /** From now on nobody joins. */
  close(): void
}

interface JoiningParts extends Pick<Surroundings, 'name' | 'clock' | 'instance'> {
  readonly settings: Pick<RegistrySettings, 'codec' | 'index' | 'leaseMs'>
  readonly counting: Pick<Counting, 'joined'>
}

export function createJoining({ name, clock, instance, settings, counting }: JoiningParts): Joining {
  const { codec, index, leaseMs } = settings
  let tokens = 0
  let closed = false

  const misuse = (message: string) => new KeyplanError('PARAM_INVALID', message, { namespace: name })
  const afterClosing = () => new KeyplanError('CLOSED', 'The client is closed', { namespace: name, operation: 'join' })

  /** What is written of a member. */
  function entryOf(id: string, token: string, { capabilities = [], metadata, load = 0 }: Contents): Entry {
    if (!codec && metadata !== undefined) {
      throw misuse(`metadata is ${kindOf(metadata)}, and ${name} declares none; declare metadata with a codec`)
    }
    const able = checkCapabilities(capabilities)
    return {
      id,
      token,
      load: loadText(checkLoad(load)),
      metadata: metadataText(codec, metadata),
      terms: termsOf(able, fieldsOf(index, metadata)),
      head: headOf(id, able),
    }
  }

  return {
    async join(hubOf, id, given) {
      checkOptions(given, ['capabilities', 'metadata', 'load', 'rejoined'])
      const { signal, deadline, rejoined, ...rest } = given
      if (rejoined !== undefined && typeof rejoined !== 'function') {
        throw misuse(`rejoined is ${kindOf(rejoined)}; give a function`)
      }
      if (closed) throw afterClosing()
      const contents = rest as Contents
      const token = `${instance}/${(++tokens).toString(36)}`
      const entry = entryOf(id, token, contents)
      const begun = clock.now()
      await hubOf().put('join', entry, { ...(signal && { signal }), ...(deadline && { deadline }) })
      const hub = hubOf()
      const joined: Member = createMember({
        namespace: name,
        clock,
        leaseMs,
        entry,
        begun,
        contents,
        rejoined,
        entryOf: next => entryOf(id, token, next),
        write: (next, options) => hub.change(joined, next, options),
        leave: options => hub.leave(joined, options),
        health: () => hub.health,
        ended: () => hub.remove(joined),
      })
      counting.joined++
      hub.add(joined)
      if (closed) {
        await joined.leave({ deadline: '1s' }).catch(() => {})
        throw afterClosing()
      }
      await hub.mirror?.write(entry)
      return joined
    },
    close() {
      closed = true
    },
  }
}
