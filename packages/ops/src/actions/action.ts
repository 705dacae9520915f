import type { InputOf, Options } from './option.ts'
import type { Report } from './report.ts'

/**
 * What an action does to the world. `read` changes nothing, `write` can be undone or repeated, `destructive` cannot and
 * is confirmed first, `run` goes on until it is told to end.
 */
export type Effect = 'read' | 'write' | 'destructive' | 'run'

/** Where an action is asked from. */
export interface Context {
  readonly env: NodeJS.ProcessEnv
  /** Where relative paths begin. */
  readonly folder: string
  /** Fires when what runs has to end. Its reason is the name of a signal. */
  readonly ending: AbortSignal
  /** Shows something before the action has ended. */
  tell(report: Report): void
  /** One line of what is going on, which is no result. */
  note(line: string): void
}

/** One thing the tools can do, as data: flags, help, routes and buttons are derived from it. */
export interface Action<O extends Options = Options> {
  /** One word. */
  readonly name: string
  /** One sentence. */
  readonly summary: string
  /** What the summary and the options leave open. */
  readonly details?: string
  /** Command lines to try. */
  readonly examples?: readonly string[]
  readonly input: O
  readonly effect: Effect
  /** @throws KeyplanError with a message for a person */
  run(input: InputOf<O>, context: Context): Promise<Report>
}

/** An action among others: whoever calls it has read its input by its options. */
export type AnyAction = Omit<Action, 'run'> & {
  run(input: Readonly<Record<string, unknown>>, context: Context): Promise<Report>
}

/** Lets the input of `run` be typed by the options. */
export function defineAction<const O extends Options>(action: Action<O>): AnyAction {
  return { ...action, run: (input, context) => action.run(input as InputOf<O>, context) }
}
