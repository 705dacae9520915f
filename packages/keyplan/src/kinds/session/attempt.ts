/** Waits for work that may fail, since what it leaves undone heals by itself. */
export async function attempt(work: Promise<unknown>): Promise<void> {
  await work.catch(() => {})
}
