/** What is used of WebAssembly here: the types of Node do not have it. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => Memory
  readonly Module: new (code: Uint8Array<ArrayBuffer>) => object
  readonly Instance: new (
    module: object,
    imports: object,
  ) => {
    readonly exports: Record<string, (...integers: number[]) => number>
  }
}
interface Memory {
  readonly buffer: ArrayBuffer
  grow(pages: number): void
}

type Table = Uint8Array | Int32Array

const PAGE_BYTES = 65536

/** What is to lie in a memory: one thing behind the other, each at a multiple of sixteen, from where an address is never 0. */
export class Layout {
  readonly #tables: { readonly at: number; readonly table: Table }[] = []
  end = 64

  /** So many bytes, or this table; gives where it will be. */
  put(table: number | Table): number {
    const at = this.end
    if (typeof table !== 'number') this.#tables.push({ at, table })
    this.end = (at + (typeof table === 'number' ? table : table.byteLength) + 15) & ~15
    return at
  }

  /** Up to where the last table ends. */
  bytes(): Uint8Array<ArrayBuffer> {
    const last = this.#tables.at(-1)
    const bytes = new Uint8Array(last ? last.at + last.table.byteLength : 0)
    for (const { at, table } of this.#tables)
      bytes.set(new Uint8Array(table.buffer, table.byteOffset, table.byteLength), at)
    return bytes
  }
}

/** The memory of a module. What runs there may have made it larger: views are asked for anew, and are kept by nobody. */
export class LinearMemory {
  readonly #memory: Memory
  #bytes: Uint8Array

  /** Of at least so many bytes, of which those are the first. */
  constructor(laid: Uint8Array, end: number) {
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) })
    this.#bytes = new Uint8Array(this.#memory.buffer)
    this.#bytes.set(laid)
  }

  /** The functions of a module. */
  instance(code: Uint8Array<ArrayBuffer>): Record<string, (...integers: number[]) => number> {
    return new WebAssembly.Instance(new WebAssembly.Module(code), { m: { m: this.#memory } }).exports
  }

  /** Makes it at least so large. */
  reach(end: number): void {
    const missing = end - this.#memory.buffer.byteLength
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES))
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#memory.buffer)
    return this.#bytes
  }

  words(at: number, length: number): Int32Array {
    return new Int32Array(this.#memory.buffer, at, length)
  }
}
