// A process of its own that asks for limits as fast as it can, on a clock that is wrong. It tells what was allowed, a line
// of JSON for each round. Runs on the build.
const [url, skewMs, rounds, seed] = process.argv.slice(2)

// Before the library is loaded: it must not matter to it.
const [epoch, monotonic] = [Date.now, performance.now.bind(performance)]
Date.now = () => epoch() + Number(skewMs)
performance.now = () => monotonic() + Number(skewMs)

const { setTimeout: sleep } = await import('node:timers/promises')
const { connect } = await import('../../dist/client/index.js')
const { limitPlan } = await import('./limit-plan.mjs')

/** Mulberry32: the same requests for the same seed. */
let state = Number(seed)
function random() {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}
const oneOf = list => list[Math.floor(random() * list.length)]

const redis = await connect(limitPlan, { url, log: false })
// On a busy machine the first links of eight processes may take their time.
while ((await redis.fixed({ id: 'a' }).peek()).degraded) await sleep(20)
const names = Object.keys(limitPlan.namespaces)
const costs = [1, 1, 1, 1, 2, 3, 0, -1, Number.NaN, Number('1e309')]

/** What one request was answered, and for which limit. */
async function request() {
  const name = oneOf(names)
  const cost = oneOf(costs)
  const isSound = Number.isFinite(cost) && cost >= 0
  const controller = random() < 0.1 ? new AbortController() : undefined
  const asked = redis[name]({ id: oneOf(['a', 'b']) }).consume({ cost, signal: controller?.signal })
  if (controller) process.nextTick(() => controller.abort())
  try {
    const { allowed, degraded } = await asked
    if (!isSound) return { wrong: `a cost of ${cost} was answered` }
    if (degraded && allowed) return { wrong: 'an outage allowed it' }
    return allowed ? { name, cost } : {}
  } catch (error) {
    const expected = isSound ? 'ABORTED' : 'PARAM_INVALID'
    return error.code === expected ? {} : { wrong: `${error.code} ${error.message}` }
  }
}

for (let round = 0; round < Number(rounds); round++) {
  const answers = await Promise.all(Array.from({ length: 50 }, request))
  const allowed = Object.fromEntries(names.map(name => [name, 0]))
  for (const { name, cost } of answers) if (name) allowed[name] += cost
  const wrong = answers.flatMap(answer => answer.wrong ?? [])
  process.stdout.write(`${JSON.stringify({ allowed, wrong, asked: answers.length })}\n`)
}
await redis.$close()
process.stdout.write(`${JSON.stringify({ done: true })}\n`)
