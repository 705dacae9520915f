import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { provideDataFolder } from '../data-folder.ts'

export interface EmbeddedDatabase {
  readonly url: string
  /** Ends it if it was started here; one that was joined goes on. Left running, it ends after its last user. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** 0 for any free one. */
  readonly port: number
  readonly dataFolder: string | undefined
}

const startMs = 60_000

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

const joined = (port: number): EmbeddedDatabase => ({
  url: `postgres://postgres@127.0.0.1:${port}/postgres`,
  stop: async () => {},
})

/**
 * Starts the embedded database in a process of its own, or joins the one that another instance started on this
 * port. It ends by itself when its last user is gone.
 *
 * @throws StartProblem when KUSHIM_DATA cannot hold its data; Error when it does not come up within a minute
 */
export async function startEmbeddedDatabase({ port, dataFolder }: EmbeddedOptions): Promise<EmbeddedDatabase> {
  if (port !== 0 && (await answers(port))) return joined(port)
  const folder = dataFolder && (await provideDataFolder(dataFolder, 'postgres'))

  // In a group of its own, so that it outlives the Ctrl-C that ends the instances it serves.
  const script = fileURLToPath(new URL('./embedded-server.js', import.meta.url))
  const child = spawn(process.execPath, [script, String(port), ...(folder ? [folder] : [])], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the embedded database did not start within 60 s')), startMs)
      const settle = (act: () => void) => {
        clearTimeout(timer)
        act()
      }
      createInterface({ input: child.stdout }).once('line', line => settle(() => resolve(line)))
      child.once('error', error => settle(() => reject(error)))
      child.once('exit', () => settle(() => reject(new Error('the embedded database ended at its start'))))
    })
    if (line === 'taken') return joined(port)
    return {
      url: line.replace(/^ready /, ''),
      async stop() {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.ref()
        const ended = once(child, 'exit')
        child.kill('SIGTERM')
        await ended
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    child.stdout.destroy()
    child.unref()
  }
}
