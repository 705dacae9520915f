import { checkOptions } from '../../base/call.ts'
import { KeyplanError, kindOf } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { isId } from '../../mechanisms/log/entry.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { SubscribeOptions } from './contract.ts'
import type { ChannelSettings } from './settings.ts'

/** @throws KeyplanError PARAM_INVALID */
export function checkHandler(handler: unknown, { source }: Pattern): void {
  if (typeof handler === 'function') return
  const given = `subscribe() of '${source}' was given ${kindOf(handler)}`
  throw new KeyplanError('PARAM_INVALID', `${given}; give it a function that takes a delivery`)
}

/** @throws KeyplanError PARAM_INVALID */
export function checkSubscription(options: SubscribeOptions, { reliable }: ChannelSettings, mayResume: boolean): void {
  const known = mayResume ? ['signal', 'gap', 'after'] : ['signal', 'gap']
  const [problem] = groupProblems(options, '', known)
  if (problem) throw new KeyplanError('PARAM_INVALID', problem)
  const { signal, gap, after } = options
  checkOptions({ signal })
  if (gap !== undefined && typeof gap !== 'function') {
    throw new KeyplanError('PARAM_INVALID', `gap is ${kindOf(gap)}; give a function`)
  }
  if (after === undefined) return
  if (!reliable) {
    throw new KeyplanError('PARAM_INVALID', 'after needs a channel that is reliable: others keep no messages')
  }
  if (after !== 'start' && !isId(after)) {
    throw new KeyplanError(
      'PARAM_INVALID',
      `after is ${kindOf(after)} that is no id; give that of a delivery, or 'start'`,
    )
  }
}
