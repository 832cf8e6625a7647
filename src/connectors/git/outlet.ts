import { EventEmitter, once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

const SLAB_BYTES = 1024 * 1024
/** With less room than this left, reading goes on in another slab. */
const LEAST_ROOM = 128 * 1024
/** More of them than this are not kept to be used again. */
const MOST_KEPT = 4

let opened = 0

interface Events {
  data: [chunk: Buffer]
  error: [error: Error]
  end: []
}

/**
 * Two ends of a connection, in place of a pipe: git writes to `theirs`, and what it writes comes as `data`, like from a pipe of
 * Node's, but into memory that is used again. Memory that is new for every chunk costs more than reading it.
 */
export class Outlet extends EventEmitter<Events> {
  readonly theirs: Socket
  readonly #ours: Socket
  readonly #slabs: Slabs
  #isPaused = false

  /** In a folder of our own. Undefined where there can be none: the folder's path may be too long for a socket. */
  static async open(folder: string): Promise<Outlet | undefined> {
    const path = join(folder, `outlet-${++opened}`)
    const server = createServer({ pauseOnConnect: true })
    try {
      server.listen(path)
      await once(server, 'listening')
      const slabs = new Slabs()
      let outlet: Outlet | undefined
      const ours = connect({
        path,
        onread: { buffer: () => slabs.room(), callback: length => outlet?.take(length) ?? false },
      })
      const [[theirs]] = (await Promise.all([once(server, 'connection'), once(ours, 'connect')])) as [
        [Socket],
        unknown,
      ]
      outlet = new Outlet(ours, theirs, slabs)
      return outlet
    } catch {
      return undefined
    } finally {
      server.close()
    }
  }

  private constructor(ours: Socket, theirs: Socket, slabs: Slabs) {
    super()
    this.#ours = ours
    this.theirs = theirs
    this.#slabs = slabs
    ours.on('error', error => this.emit('error', error))
    for (const event of ['end', 'close']) ours.on(event, () => this.emit('end'))
    theirs.on('error', () => {})
  }

  /** @internal Whether to go on reading. */
  take(length: number): boolean {
    this.emit('data', this.#slabs.take(length))
    return !this.#isPaused
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#ours.resume()
  }

  isPaused(): boolean {
    return this.#isPaused
  }

  /** Of what was given, only what lies in the same memory as these chunks is still needed. */
  release(needed: readonly Buffer[]): void {
    this.#slabs.release(needed)
  }

  destroy(): void {
    this.#ours.destroy()
    this.theirs.destroy()
  }
}

/** Memory to read into, one piece after the other. */
class Slabs {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  #used = 0
  #full: Buffer[] = []
  readonly #free: Buffer[] = []

  room(): Uint8Array {
    if (SLAB_BYTES - this.#used < LEAST_ROOM) {
      this.#full.push(this.#slab)
      // What nobody lets go of for long is left to whoever holds it.
      if (this.#full.length > MOST_KEPT) this.#full.shift()
      this.#slab = this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.#used = 0
    }
    return this.#slab.subarray(this.#used)
  }

  take(length: number): Buffer {
    const taken = this.#slab.subarray(this.#used, this.#used + length)
    this.#used += length
    return taken
  }

  release(needed: readonly Buffer[]): void {
    if (this.#full.length === 0) return
    const isNeeded = (slab: Buffer) => needed.some(({ buffer }) => buffer === slab.buffer)
    this.#free.push(...this.#full.filter(slab => !isNeeded(slab)))
    this.#full = this.#full.filter(isNeeded)
  }
}
