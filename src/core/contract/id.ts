import type { Io } from './io.ts'

let last = { ms: 0, counter: 0 }

/**
 * A new id that sorts by time: a UUID version 7 (RFC 9562, section 5.7), whose 12 bits after the version count
 * within the millisecond, so that ids made by one process sort in the order they were made.
 */
export function newId(io: Pick<Io, 'now' | 'random'>): string {
  const now = io.now().getTime()
  if (now > last.ms) last = { ms: now, counter: 0 }
  else if (last.counter === 0xfff) last = { ms: last.ms + 1, counter: 0 }
  else last.counter++
  const time = last.ms.toString(16).padStart(12, '0')
  const random = Buffer.from(io.random(8))
  random[0] = (random[0]! & 0x3f) | 0x80
  const tail = random.toString('hex')
  const counter = last.counter.toString(16).padStart(3, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${tail.slice(0, 4)}-${tail.slice(4)}`
}
