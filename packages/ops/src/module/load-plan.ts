import { extname, resolve } from 'node:path'
import { isKeyplanError, isPlan, KeyplanError, type Plan } from 'keyplan'
import { loadModule } from './load-module.ts'

/**
 * The plan that a module exports by default.
 *
 * @param file as the user wrote it; relative to `folder`
 * @throws KeyplanError PLAN_INVALID with the plan's own problems, or why there is none
 */
export async function loadPlan(file: string, folder: string): Promise<Plan> {
  if (!/^\.[cm]?[jt]s$/.test(extname(file))) {
    const message = `${file} is no module with a plan, such as shop.plan.ts; write -- before a command`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  let module: unknown
  try {
    module = await loadModule(resolve(folder, file))
  } catch (error) {
    if (isKeyplanError(error)) throw error
    const { code, name, message } = error as NodeJS.ErrnoException
    const absent = code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND'
    const why = absent ? 'it is not there, or imports what is not there' : `${name}: ${message.split('\n')[0]}`
    throw new KeyplanError('PLAN_INVALID', `the plan ${file} cannot be loaded: ${why}`, { cause: error })
  }
  const plan = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (isPlan(plan)) return plan
  throw new KeyplanError('PLAN_INVALID', `${file} exports no plan by default: write export default definePlan(…)`)
}
