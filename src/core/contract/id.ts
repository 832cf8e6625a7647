import type { Io } from './io.ts'

/** How the ids of a millisecond begin: the same for up to 4096 of them. */
let last = { ms: 0, counter: 0, begin: '' }

/**
 * A new id that sorts by time: a UUID version 7 (RFC 9562, section 5.7), whose 12 bits after the version count
 * within the millisecond, so that ids made by one process sort in the order they were made.
 */
export function newId(io: Pick<Io, 'now' | 'random'>): string {
  const now = io.now().getTime()
  if (now > last.ms) last = beginning(now)
  else if (last.counter === 0xfff) last = beginning(last.ms + 1)
  else last.counter++
  const random = io.random(8)
  let tail = HEX[(random[0]! & 0x3f) | 0x80]!
  for (let at = 1; at < 8; at++) tail += at === 2 ? `-${HEX[random[at]!]!}` : HEX[random[at]!]!
  const { begin, counter } = last
  return `${begin}${HEX[counter >>> 8]![1]}${HEX[counter & 0xff]}-${tail}`
}

function beginning(ms: number): typeof last {
  const time = ms.toString(16).padStart(12, '0')
  return { ms, counter: 0, begin: `${time.slice(0, 8)}-${time.slice(8)}-7` }
}

/** Every byte as it is written: to ask for each id's anew is most of what one costs. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
