import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { createLocalServer } from '../../src/mechanisms/log/local.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { channelConformance } from '../conformance/channel.ts'

channelConformance('memory', async () => {
  const local = createLocalServer(realClock)
  return {
    open: async (declaration, pattern) =>
      channelKind.open(declaration, {
        name: 'events',
        pattern: parsePattern(pattern),
        clock: realClock,
        instance: 'one',
        server: undefined,
        bare: createBareGuard(),
        local,
        notify: () => {},
      }),
    close: async () => {},
  }
})
