/** Whether an id is not behind another: compared as the two numbers they are. */
export function isBehind(id: string, other: string): boolean {
  const [ms = 0, sequence = 0] = id.split('-').map(Number)
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number)
  return ms === otherMs ? sequence <= otherSequence : ms < otherMs
}
