import { realClock } from '../../src/base/clock.ts'
import { createLocalServer } from '../../src/mechanisms/log/local.ts'
import { feedConformance } from '../conformance/feed.ts'
import { feedHarness } from './feed-harness.ts'

feedConformance('memory', async () => {
  const local = createLocalServer(realClock)
  return feedHarness(async () => ({ server: undefined, local }))
})
