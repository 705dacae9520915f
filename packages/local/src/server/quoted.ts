/** A value in the quoting of redis.conf, which leaves no character with a meaning of its own. */
export function quoted(value: string): string {
  const escaped = value.replace(/["\\\p{Cc}]/gu, char =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${escaped}"`
}
