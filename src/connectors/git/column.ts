type Numbers = Uint8Array | Uint32Array | Float64Array

/** Numbers by number, zero until they are set; it grows as they are. */
export class Column<A extends Numbers> {
  readonly #make: new (
    length: number,
  ) => A
  #values: A

  constructor(make: new (length: number) => A) {
    this.#make = make
    this.#values = new make(1024)
  }

  get(at: number): number {
    return this.#values[at] ?? 0
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const longer = new this.#make(Math.max(at + 1, this.#values.length * 2))
      longer.set(this.#values)
      this.#values = longer
    }
    this.#values[at] = value
  }
}
