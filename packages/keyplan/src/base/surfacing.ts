/**
 * Runs a callback of the user's. One that throws spoils nothing of what called it: its error surfaces as uncaught, as
 * one thrown by a listener of an EventEmitter does.
 */
export function surfacing(callback: () => void): void {
  try {
    callback()
  } catch (error) {
    process.nextTick(() => {
      throw error
    })
  }
}
