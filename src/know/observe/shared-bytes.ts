/** One of several readers of the same bytes. */
export interface Share {
  readonly bytes: AsyncIterable<Uint8Array>
  /** It reads no further: the others do not wait for it any more. */
  leave(): void
}

/**
 * The same bytes for each of so many readers that read at the same time: the next chunk is asked for once all of them have taken
 * the one before, so that no more than one is held.
 */
export function shareBytes(bytes: AsyncIterable<Uint8Array>, count: number): Share[] {
  const source = bytes[Symbol.asyncIterator]()
  let present = count
  let waiting: ((next: Promise<IteratorResult<Uint8Array>>) => void)[] = []
  const advance = () => {
    if (present === 0 || waiting.length < present) return
    const takers = waiting
    waiting = []
    const next = source.next()
    for (const take of takers) take(next)
  }
  return Array.from({ length: count }, () => {
    let hasLeft = false
    const leave = () => {
      if (hasLeft) return
      hasLeft = true
      present--
      advance()
    }
    const next = () =>
      new Promise<IteratorResult<Uint8Array>>(resolve => {
        waiting.push(resolve)
        advance()
      })
    const iterate = async function* () {
      for (let chunk = await next(); !chunk.done; chunk = await next()) yield chunk.value
    }
    return { bytes: { [Symbol.asyncIterator]: iterate }, leave }
  })
}
