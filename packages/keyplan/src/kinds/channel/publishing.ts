import { type CallOptions, checkOptions } from '../../base/call.ts'
import { isKeyplanError } from '../../base/error.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Announcement } from '../../mechanisms/log/announcement.ts'
import type { Published } from './contract.ts'
import type { ChannelParts } from './handle.ts'
import type { Message } from './store.ts'

/** Publishes on the channels of a namespace; `key` says which server takes the message, where that matters. */
export type Publish = (
  target: Announcement,
  key: string | undefined,
  message: unknown,
  options: CallOptions | undefined,
) => Promise<Published>

export function createPublish({
  settings,
  lane,
  steps,
  counting,
}: Pick<ChannelParts, 'settings' | 'lane' | 'steps' | 'counting'>): Publish {
  // Each is a command of its own, and the guard stands around all that are made in one turn.
  const gather = createGather<Message, Published>({
    max: 64,
    lane: lane && (({ key }) => (key === undefined ? '' : lane(key))),
    run: messages => steps.publish(undefined, messages),
  })

  return async (target, key, value, options) => {
    const message = { target, key, payload: settings.codec.encode(value) as string }
    let published: Published
    if (options === undefined) published = await gather.add(message)
    else {
      checkOptions(options)
      // A call with terms of its own keeps its place behind those before it.
      gather.flush()
      const [result] = await steps.publish(options, [message])
      if (isKeyplanError(result)) throw result
      published = result!
    }
    if (published.degraded) counting.publishesDropped++
    else counting.published++
    return published
  }
}
