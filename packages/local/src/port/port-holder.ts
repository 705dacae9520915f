import { execFile } from 'node:child_process'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'

export interface PortHolder {
  readonly pid: number
  /** The program and its leading plain words. Options are left out: they may hold secrets. */
  readonly command: string
}

/**
 * The process that listens on a TCP port of this machine, or undefined when nobody does or it belongs to a user
 * whose processes may not be looked into. Reads /proc where there is one and asks `lsof` elsewhere.
 */
export async function portHolder(port: number): Promise<PortHolder | undefined> {
  const inodes = await listeningInodes(port)
  if (inodes === undefined) return askLsof(port)
  if (inodes.size === 0) return undefined
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (Number.isInteger(pid) && (await holdsSocket(pid, inodes))) return { pid, command: await commandOf(pid) }
  }
  return undefined
}

/** The socket inodes that listen on the port; undefined when the system has no such table. */
async function listeningInodes(port: number): Promise<Set<string> | undefined> {
  const tables = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map(file => readFile(file, 'utf8').catch(() => undefined)),
  )
  if (tables.every(table => table === undefined)) return undefined
  const wanted = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = new Set<string>()
  for (const line of tables.flatMap(table => table?.split('\n') ?? [])) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
    if (state === '0A' && inode !== undefined && local?.endsWith(`:${wanted}`)) inodes.add(inode)
  }
  return inodes
}

async function holdsSocket(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  for (const fd of await readdir(folder).catch(() => [])) {
    const target = await readlink(`${folder}/${fd}`).catch(() => '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined && inodes.has(inode)) return true
  }
  return false
}

async function commandOf(pid: number): Promise<string> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split(/[\0 ]+/).filter(Boolean)
  const firstOption = words.findIndex(word => word.startsWith('-'))
  const [program = 'an unnamed process', ...plain] = firstOption < 0 ? words : words.slice(0, firstOption)
  return [basename(program), ...plain.slice(0, 1)].join(' ')
}

async function askLsof(port: number): Promise<PortHolder | undefined> {
  try {
    const { stdout } = await promisify(execFile)('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'])
    const pid = /^p(\d+)$/m.exec(stdout)?.[1]
    return pid === undefined ? undefined : { pid: Number(pid), command: /^c(.+)$/m.exec(stdout)?.[1] ?? 'a process' }
  } catch {
    return undefined
  }
}
