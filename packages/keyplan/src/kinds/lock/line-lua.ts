/**
 * The line of a lock in Redis, shared by its scripts. It is one sorted set with two members for each process that waits:
 * `+<channel>`, whose score is its place, and `-<channel>`, whose score says until when it waits. The channel is where the
 * process hears. Until-scores lie below zero, so that the first member above it is the head.
 *
 * A lock that comes free while somebody waits is kept for the head: its key holds `><channel>` for a short time, and the
 * head is told. It is no holder yet: only an answer to its own request makes it one. Whoever does not come in that time
 * has lost the place. So a dead waiter costs no more than that; and nothing where the server knows that nobody hears it.
 */

/** For how long a lock is kept for the process that is next, in milliseconds. */
export const claimMs = 500

/** More than any time in milliseconds. */
const below = '10000000000000'

/** Lua expressions: the first place of a line, or nil; and whether who waits until this score still does. */
export const headOf = (line: string) => `redis.call('ZRANGE', ${line}, 0, '+inf', 'BYSCORE', 'LIMIT', 0, 1)[1]`
export const isAlive = (till: string) => `(${till} and tonumber(${till}) + ${below} >= now)`

/** Gives a process a place at the end of the line, or keeps the one it has, for so many milliseconds from now. */
export const seating = `
local function sit(line, channel, ms)
  if not redis.call('ZSCORE', line, '+' .. channel) then
    local last = redis.call('ZRANGE', line, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', line, string.format('%.0f', math.max(micros, tonumber(last or 0) + 1)), '+' .. channel)
  end
  redis.call('ZADD', line, string.format('%.0f', now + ms - ${below}), '-' .. channel)
  if redis.call('PTTL', line) < tonumber(ms) then redis.call('PEXPIRE', line, ms) end
end
`

/**
 * Keeps a free lock for the head of its line and tells it; gives its channel. Nothing is kept or told where the head is
 * `own`, who asks. It never overwrites what lies at the key. Needs an argument `counts`: '1' where PUBLISH says how many hear, which a cluster's node does not.
 */
export const callNext = `
local function callNext(lock, line, own)
  for _ = 1, 16 do
    local place = ${headOf('line')}
    if not place then return end
    local channel = string.sub(place, 2)
    local till = redis.call('ZSCORE', line, '-' .. channel)
    redis.call('ZREM', line, place, '-' .. channel)
    if ${isAlive('till')} then
      if channel == own then return channel end
      local heard = redis.pcall('PUBLISH', channel, '+' .. lock)
      if type(heard) == 'table' or heard > 0 or counts ~= '1' then
        return redis.call('SET', lock, '>' .. channel, 'PX', ${claimMs}, 'NX') and channel
      end
    end
  end
end
`
