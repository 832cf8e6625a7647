/** Edges by their number, in the order in which they came, and the place of each one's kind. */
export class EdgeList {
  count = 0
  from = new Uint32Array(1024)
  to = new Uint32Array(1024)
  kind = new Uint16Array(1024)

  /** The same list, come from another thread, where it lost what it can do. */
  static of({ count, from, to, kind }: Pick<EdgeList, 'count' | 'from' | 'to' | 'kind'>): EdgeList {
    return Object.assign(new EdgeList(), { count, from, to, kind })
  }

  add(from: number, to: number, kind: number): void {
    const at = this.count++
    if (at === this.from.length) {
      this.from = grown(this.from)
      this.to = grown(this.to)
      this.kind = grown(this.kind)
    }
    this.from[at] = from
    this.to[at] = to
    this.kind[at] = kind
  }

  /** What another thread is handed, so that it need not be copied. */
  buffers(): ArrayBuffer[] {
    return [this.from.buffer, this.to.buffer, this.kind.buffer]
  }
}

/** With room for twice as much. */
export function grown<
  Array extends Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
>(array: Array): Array {
  const larger = new (array.constructor as new (length: number) => Array)(array.length * 2)
  larger.set(array)
  return larger
}
