import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { feedKind } from '../../src/kinds/feed/kind.ts'
import type { Opened, Server, Surroundings } from '../../src/kinds/kind.ts'
import type { LocalServer } from '../../src/mechanisms/log/local.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { FeedHarness } from '../conformance/feed.ts'

interface Place {
  readonly server: (Server & AsyncDisposable) | undefined
  readonly local?: LocalServer
}

/** Feeds, each on a connection of its own or all on one place in memory. */
export function feedHarness(connect: () => Promise<Place>): FeedHarness {
  const places: Place[] = []
  const opened: Opened<unknown>[] = []
  async function surroundings(source: string): Promise<Surroundings> {
    const place = await connect()
    places.push(place)
    return {
      ...place,
      name: 'thoughts',
      pattern: parsePattern(source),
      clock: realClock,
      instance: `client-${places.length}`,
      bare: createBareGuard(),
      notify: () => {},
    }
  }
  function noted<T extends Opened<unknown>>(one: T): T {
    opened.push(one)
    return one
  }
  return {
    async open(declaration, announced) {
      const around = await surroundings(declaration.pattern)
      const announcing = announced && channelKind.announcing!(announced, parsePattern(announced.pattern))
      return noted(feedKind.open(declaration, { ...around, announcing }))
    },
    openChannel: async declaration => noted(channelKind.open(declaration, await surroundings(declaration.pattern))),
    async close() {
      for (const { close } of opened) await close()
      for (const { server } of places) await server?.[Symbol.asyncDispose]()
    },
  }
}
