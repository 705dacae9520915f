import { isPlan, KeyplanError, type Plan } from 'keyplan'
import { isModulePath, loadDefault } from './load-module.ts'

/**
 * The plan that a module exports by default.
 *
 * @param file as the user wrote it; relative to `folder`
 * @throws KeyplanError PLAN_INVALID with the plan's own problems, or why there is none
 */
export async function loadPlan(file: string, folder: string): Promise<Plan> {
  if (!isModulePath(file)) {
    const message = `${file} is no module with a plan, such as shop.plan.ts; write -- before a command`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  return loadDefault(file, folder, {
    what: 'the plan',
    remedy: 'export default definePlan(…)',
    code: 'PLAN_INVALID',
    is: isPlan,
  })
}
