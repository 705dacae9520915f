import type { LocalServer } from '../../mechanisms/log/local.ts'
import type { ChannelStore, Listening } from './store.ts'

export function createMemoryChannelStore({ log, announce }: LocalServer): ChannelStore {
  return {
    publish: async (_, messages) =>
      messages.map(({ target, payload }) => {
        const { id, receivers } = announce(target, payload)
        return { receivers, id: id || undefined }
      }),
    replay: (call, key, after, count) => log.range(call, key, { after, count }),
    newest: async (call, key) => (await log.range(call, key, { count: 1, reverse: true }))[0]?.id,
  }
}

export function localListening({ bus }: LocalServer): Listening {
  return {
    one: async (channel, { message }) => bus.subscribe(channel, message),
    // The names are looked at by who listens.
    all: async (_glob, { message }) => bus.subscribe(undefined, message),
  }
}
