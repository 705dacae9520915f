import pg from 'pg'

/** Runs one statement and gives its rows. Values travel apart from the text, as `$1`, `$2`, … */
export type Sql = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>

export interface Database {
  /** `host:port`, or the folder of the socket, for the log. */
  readonly server: string
  /** One statement on its own. */
  readonly query: Sql
  /**
   * Several statements, all or nothing. `work` waits for nothing but the database: a transaction that waited for
   * Redis would hold its rows for as long as Redis is away.
   */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface DatabaseOptions {
  readonly url: string
  /** The embedded database behind its socket, not a PostgreSQL server. */
  readonly embedded: boolean
}

// A request is answered in under 2 s: what the database cannot give in this time, the caller is told it cannot have.
const waitMs = 1_500

/** PostgreSQL said no, so the connection is sound; any other failure leaves it in an unknown state. */
const isRefusal = (error: unknown): error is pg.DatabaseError => error instanceof pg.DatabaseError

/** The database did not answer in time or at all, or is shutting down. */
export function isDatabaseDown(error: unknown): boolean {
  if (isRefusal(error)) return /^(08|53|57P)/.test(error.code ?? '')
  if (!(error instanceof Error)) return false
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return (
    /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH)$/.test(code) ||
    /timeout|Connection terminated|Client has encountered a connection error/i.test(error.message)
  )
}

/** Where the server of a URL is, without secrets. Nothing is opened. @throws Error when it is no URL of PostgreSQL */
export function databaseServer(url: string): string {
  const { host, port } = new pg.Client({ connectionString: url })
  return host.startsWith('/') ? host : `${host}:${port}`
}

export function openDatabase({ url, embedded }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: url,
    max: 4,
    // Statements that do not wait for each other's results travel together.
    pipeline: true,
    connectionTimeoutMillis: waitMs,
    query_timeout: waitMs,
    idleTimeoutMillis: 0,
    application_name: 'kushim',
  })
  // An idle connection that dies is replaced at the next query, which reports what is wrong.
  pool.on('error', () => {})

  async function withClient<T>(work: (sql: Sql, client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect()
    let unsound = false
    const sql: Sql = async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, [...values])).rows
    try {
      return await work(sql, client)
    } catch (error) {
      unsound = isDatabaseDown(error)
      throw error
    } finally {
      client.release(unsound)
    }
  }

  return {
    server: databaseServer(url),

    query: (text, values) =>
      withClient(async (sql, client) => {
        if (!embedded) return sql(text, values)
        // The socket of the embedded database passes on the messages of all connections one by one, and keeps those
        // of one statement together only inside a transaction. The commit of one that failed rolls back.
        const [, rows] = await Promise.all([
          client.query('BEGIN'),
          sql(text, values) as ReturnType<typeof sql<never>>,
          client.query('COMMIT'),
        ])
        return rows
      }),

    transaction: work =>
      withClient(async (sql, client) => {
        try {
          const [, result] = await Promise.all([client.query('BEGIN'), work(sql)])
          await client.query('COMMIT')
          return result
        } catch (error) {
          // A connection that is gone has rolled back already.
          if (!isDatabaseDown(error)) await client.query('ROLLBACK')
          throw error
        }
      }),

    close: () => pool.end(),
  }
}
