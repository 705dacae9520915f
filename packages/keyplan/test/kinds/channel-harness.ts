import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import type { Notice, Opened } from '../../src/kinds/kind.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { ChannelHarness } from '../conformance/channel.ts'
import type { LiveServer } from '../live-server.ts'

/** Channels on connections of their own. */
export function channelHarness(
  connect: () => Promise<LiveServer>,
  notify: (notice: Notice) => void = () => {},
): ChannelHarness {
  const servers: LiveServer[] = []
  const opened: Opened<unknown>[] = []
  return {
    async open(declaration, pattern) {
      const server = await connect()
      servers.push(server)
      const one = channelKind.open(declaration, {
        name: 'events',
        pattern: parsePattern(pattern),
        clock: realClock,
        instance: `client-${servers.length}`,
        server,
        bare: createBareGuard(),
        notify,
      })
      opened.push(one)
      return one
    },
    async close() {
      for (const { close } of opened) await close()
      for (const server of servers) await server.close()
    },
  }
}
