import { isKeyplanError, type KeyplanError } from '../../../base/error.ts'

/** How members answered one question, so far as it took to know the outcome. */
export interface Poll<Answer> {
  /** A majority said yes. */
  readonly won: boolean
  readonly yes: readonly Answer[]
  readonly no: readonly Answer[]
  readonly failures: readonly KeyplanError[]
  /** Members that had not answered when the outcome was known. */
  readonly pending: number
}

export const majorityOf = (members: number): number => Math.floor(members / 2) + 1

/** Asks all members at once. It is over when a majority has said yes, or when none can be had any more. */
export function poll<Member, Answer>(
  members: readonly Member[],
  ask: (member: Member, index: number) => Promise<Answer>,
  isYes: (answer: Answer) => boolean,
): Promise<Poll<Answer>> {
  const majority = majorityOf(members.length)
  return new Promise((resolve, reject) => {
    const yes: Answer[] = []
    const no: Answer[] = []
    const failures: KeyplanError[] = []
    let pending = members.length
    const count = () => {
      pending--
      if (yes.length < majority && yes.length + pending >= majority) return
      resolve({ won: yes.length >= majority, yes: [...yes], no: [...no], failures: [...failures], pending })
    }
    for (const [index, member] of members.entries()) {
      ask(member, index).then(
        answer => {
          ;(isYes(answer) ? yes : no).push(answer)
          count()
        },
        error => {
          if (!isKeyplanError(error)) return reject(error)
          failures.push(error)
          count()
        },
      )
    }
  })
}
