import { expect, test } from 'vitest'
import { linkFailure, replyFailure } from '../../src/redis/failure.ts'

test.each([
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'WRONG_TYPE'],
  ["NOPERM this user has no permissions to run the 'get' command", 'NO_PERMISSION'],
  ['NOAUTH Authentication required.', 'AUTH_FAILED'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'AUTH_FAILED'],
  ["READONLY You can't write against a read only replica.", 'READONLY'],
  ['LOADING Redis is loading the dataset in memory', 'LOADING'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'OUT_OF_MEMORY'],
  ['MISCONF Redis is configured to save RDB snapshots', 'STORAGE'],
  ['NOREPLICAS Not enough good replicas to write.', 'NO_REPLICAS'],
  ['BUSY Redis is busy running a script.', 'BUSY'],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'CROSS_SLOT'],
  ['ERR max number of clients reached', 'MAX_CLIENTS'],
  ["ERR unknown command 'FOO', with args beginning with: 'secret' ", 'UNSUPPORTED'],
  ["ERR Protocol error: expected '$', got 'x'", 'PROTOCOL'],
  ['ERR Protocol error: invalid bulk length', 'VALUE_INVALID'],
  [
    "ERR The user executing the script can't run this command or subcommand script: f1, on @user_script:2.",
    'NO_PERMISSION',
  ],
  ['EXECABORT Transaction discarded because of previous errors.', 'SERVER'],
  [
    "EXECABORT Transaction discarded because of: NOPERM this user has no permissions to run the 'exec' command",
    'NO_PERMISSION',
  ],
  ['ERR value is not an integer or out of range', 'SERVER'],
  ['ERR', 'SERVER'],
])('%s', (text, code) => {
  const error = replyFailure(text)
  expect(error).toMatchObject({ code, outcome: 'not-executed' })
  expect(error.message).not.toContain('secret')
})

test('what the server quotes of its arguments is left out', () => {
  const modifier = "ERR Error in ACL SETUSER modifier '>it's secret': Syntax error"
  expect(replyFailure(modifier).message).toBe("Redis answered: ERR Error in ACL SETUSER modifier '…': Syntax error")
})

test('a lost link says why, where that is known', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED' })
  expect(linkFailure(refused, 'here:1', 'unknown')).toMatchObject({
    code: 'DISCONNECTED',
    message: 'Redis at here:1: ECONNREFUSED',
    outcome: 'unknown',
  })
  const every = new AggregateError([refused], '')
  expect(linkFailure(every, 'here:1', 'unknown').message).toBe('Redis at here:1: ECONNREFUSED')
  expect(linkFailure(undefined, 'here:1', 'unknown').message).toBe('Redis at here:1: the connection was lost')
})
