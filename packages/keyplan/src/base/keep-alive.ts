/** What `setInterval` can count to. */
const longest = 2 ** 31 - 1

/** Keeps the process alive until what it returns is called: for a wait that nothing else may be behind, as in memory. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, longest)
  return () => clearInterval(timer)
}
