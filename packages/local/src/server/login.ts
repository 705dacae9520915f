import { randomBytes } from 'node:crypto'
import type { AclUser } from './acl-user.ts'
import type { ServerOptions } from './redis-configuration.ts'

/** As whom to ask a server. Without a user, the default one. */
export interface Login {
  readonly user?: string
  readonly password: string
}

/** The words of AUTH. */
export function authWords({ user, password }: Login): string[] {
  return user === undefined ? [password] : [user, password]
}

/** The server has it beside the users asked for, when the default user is one of those and so may do less. */
const maintenanceUser = 'keyplan-local'

/** Options whose users include, where one is needed, one that may do everything; and the login of such a user. */
export function maintained<T extends ServerOptions>(options: T): { options: T; login: Login | undefined } {
  const { users = [], password } = options
  if (!users.some(({ name }) => name === 'default')) {
    return { options, login: password === undefined ? undefined : { password } }
  }
  if (password !== undefined) {
    throw new Error('the default user is in "users": give its password there, and leave out the option "password"')
  }
  const login = { user: maintenanceUser, password: randomBytes(18).toString('base64url') }
  const user: AclUser = { name: login.user, password: login.password, rules: '~* &* +@all' }
  return { options: { ...options, users: [...users, user] }, login }
}
