/** The `Set-Cookie` headers of a response with one more, in place of an earlier one of its name. */
export function withCookie(
  before: number | string | readonly string[] | undefined,
  name: string,
  text: string,
): string[] {
  const list = Array.isArray(before) ? before : before === undefined ? [] : [String(before)]
  return [...list.filter(cookie => !cookie.startsWith(`${name}=`)), text]
}
