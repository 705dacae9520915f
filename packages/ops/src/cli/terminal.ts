import { createInterface } from 'node:readline/promises'
import { styleText } from 'node:util'
import type { Paint } from '../actions/report.ts'

/** Where a command line writes and asks. */
export interface Terminal {
  readonly out: Output
  readonly err: Output
  /** Asks a person; undefined where there is none to ask. */
  readonly ask: ((question: string) => Promise<string>) | undefined
}

export interface Output {
  line(text: string): void
  readonly paint: Paint
}

/** The terminal of this process. Who stops reading, as `head` does, is no error. */
export function processTerminal({ stdin, stdout, stderr, env }: NodeJS.Process): Terminal {
  return {
    out: output(stdout, env),
    err: output(stderr, env),
    ask:
      stdin.isTTY && stderr.isTTY
        ? async question => {
            const lines = createInterface({ input: stdin, output: stderr })
            // The input may end without an answer.
            const closed = new Promise<string>(resolve => lines.once('close', () => resolve('')))
            return Promise.race([lines.question(question), closed]).finally(() => lines.close())
          }
        : undefined,
  }
}

function output(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  let read = true
  stream.on('error', ({ code }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') throw new Error(`nothing can be written: ${code}`)
    read = false
  })
  // https://no-color.org: any value but an empty one.
  const coloured = stream.isTTY && !env.NO_COLOR && env.TERM !== 'dumb'
  return {
    line(text) {
      if (read) stream.write(`${text}\n`)
    },
    paint: coloured ? (style, text) => styleText(style, text, { validateStream: false }) : (_, text) => text,
  }
}
