import { quoted } from './quoted.ts'

/** A user of the server beside the default one. */
export interface AclUser {
  readonly name: string
  /** Default: none, and then the user cannot log in unless `rules` say `nopass`. */
  readonly password?: string
  /** As in ACL SETUSER, without the password, e.g. `~app:* &app:* +@all -@dangerous`. The user is on unless it says `off`. */
  readonly rules: string
}

/**
 * The `user` lines of redis.conf.
 *
 * @throws Error for a name or rules that would not be one user on one line, naming the user and no rule.
 */
export function userLines(users: readonly AclUser[]): string[] {
  return users.map(({ name, password, rules }) => {
    if (!/^[^\s"'\0]+$/.test(name))
      throw new Error(`the ACL user ${JSON.stringify(name)} needs a name without spaces or quotes`)
    if (/[\r\n\0]/.test(rules)) throw new Error(`the rules of the ACL user ${name} hold a line break`)
    return [name, 'on', ...(password === undefined ? [] : [quoted(`>${password}`)]), rules].join(' ')
  })
}
