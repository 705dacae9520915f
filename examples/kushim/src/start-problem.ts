/** Something in the surroundings keeps Kushim from starting. The message is one line for a person, and says what to do. */
export class StartProblem extends Error {
  /** As sysexits has it. */
  readonly exitCode: number

  /** @param exitCode 78, a wrong setting, unless told otherwise */
  constructor(message: string, exitCode = 78) {
    super(message)
    this.name = 'StartProblem'
    this.exitCode = exitCode
  }
}
