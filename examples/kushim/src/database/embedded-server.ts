import { createServer, type Socket } from 'node:net'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'
import { openCluster } from './cluster.ts'

/*
 * The embedded PostgreSQL, in a process of its own, so that any number of instances share it:
 *
 *   node embedded-server.js <port> [folder]
 *
 * Writes `ready <url>` once it answers, `taken` where the port is somebody else's. Ends by itself when the last
 * connection has been gone for a while, so that no instance, however it dies, leaves it behind; the terminal's
 * Ctrl-C is for the instances, which still need it then.
 */
const lingerMs = 3_000
const firstConnectionMs = 60_000

/** Holds the port while the database comes up, so that two that start at once never open one folder. */
function reserve(port: number): Promise<() => Promise<void>> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => sockets.add(socket.on('error', () => {})))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () =>
      resolve(
        () =>
          new Promise(done => {
            server.close(() => done())
            for (const socket of sockets) socket.destroy()
          }),
      ),
    )
  })
}

async function serve(port: number, folder: string | undefined): Promise<void> {
  process.on('SIGINT', () => {})
  // Who started it may be gone before it is ready, and nobody listens to it afterwards.
  process.stdout.on('error', () => {})
  let free: () => Promise<void>
  try {
    free = await reserve(port)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    process.stdout.write('taken\n')
    return
  }
  const db = await openCluster(folder)
  const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port, maxConnections: 64 })
  await free()
  await server.start()

  let ending = false
  const end = async () => {
    if (ending) return
    ending = true
    await server.stop()
    await db.close()
    process.exit(0)
  }
  process.on('SIGTERM', end)

  let lastUse = Date.now() + firstConnectionMs
  // Also of one that is gone again before the next look.
  server.addEventListener('connection', () => {
    lastUse = Date.now()
  })
  setInterval(() => {
    if (server.getStats().activeConnections > 0) lastUse = Date.now()
    else if (Date.now() - lastUse > lingerMs) end()
  }, 500)
  process.stdout.write(`ready postgres://postgres@${server.getServerConn()}/postgres\n`)
}

const [, , port, folder] = process.argv
try {
  await serve(Number(port), folder)
} catch (error) {
  const where = folder ? ` in ${folder}` : ''
  process.stderr.write(`[Kushim] PGlite cannot start${where}: ${error instanceof Error ? error.message : error}\n`)
  process.exit(70)
}
