/** Tells that announcements are refused while what they tell of is done: each time as a notice, once in the log. */
export function createRefusals(
  namespace: string,
  done: string,
  notify: (notice: {
    readonly type: 'announcement-refused'
    readonly namespace: string
    readonly warning?: string
  }) => void,
): (why: string | undefined) => void {
  let wasRefused = false
  return why => {
    if (why === undefined) return
    const warning = wasRefused ? undefined : `${namespace}: ${done} and not announced: ${why}`
    wasRefused = true
    notify({ type: 'announcement-refused', namespace, ...(warning && { warning }) })
  }
}
