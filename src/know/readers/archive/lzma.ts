import { Damaged } from './budget.ts'

const STATES = 12
const POSITION_STATES = 16
const LENGTH_PROBABILITIES = 2 + 2 * POSITION_STATES * 8 + 256

const IS_MATCH = 0
const IS_REP = IS_MATCH + STATES * POSITION_STATES
const IS_REP_0 = IS_REP + STATES
const IS_REP_1 = IS_REP_0 + STATES
const IS_REP_2 = IS_REP_1 + STATES
const IS_REP_0_LONG = IS_REP_2 + STATES
const SLOT = IS_REP_0_LONG + STATES * POSITION_STATES
const SPECIAL = SLOT + 4 * 64
const ALIGN = SPECIAL + 128
const MATCH_LENGTH = ALIGN + 16
const REP_LENGTH = MATCH_LENGTH + LENGTH_PROBABILITIES
const LITERAL = REP_LENGTH + LENGTH_PROBABILITIES

/** What is unpacked, and as much of what came before as matches may reach back to. */
export class History {
  bytes: Uint8Array
  end = 0
  /** What matches may reach: nothing before a reset of the dictionary. */
  start = 0
  readonly #dictionaryBytes: number

  constructor(dictionaryBytes: number) {
    this.#dictionaryBytes = dictionaryBytes
    this.bytes = new Uint8Array(Math.min(dictionaryBytes, 1024 * 1024))
  }

  /** Makes room for so many more, forgetting what no match may reach any more. */
  makeRoom(count: number): void {
    if (this.end + count <= this.bytes.length) return
    const most = this.#dictionaryBytes + Math.max(this.#dictionaryBytes >> 1, 4 * 1024 * 1024)
    const kept = this.end + count > most ? Math.min(this.end, this.#dictionaryBytes) : this.end
    const forgotten = this.end - kept
    const bytes =
      kept + count > this.bytes.length
        ? new Uint8Array(Math.min(most, Math.max(2 * this.bytes.length, kept + count)))
        : this.bytes
    bytes.set(this.bytes.subarray(forgotten, this.end))
    this.bytes = bytes
    this.end = kept
    this.start = Math.max(0, this.start - forgotten)
  }
}

/** LZMA as Igor Pavlov's specification has it (lzma-specification.txt of the LZMA SDK), within chunks of LZMA2. */
export class LzmaDecoder {
  #probabilities = new Uint16Array(LITERAL)
  #literalContextBits = 0
  #literalPositionMask = 0
  #positionMask = 0
  #state = 0
  #reps = [0, 0, 0, 0]
  #input: Uint8Array = new Uint8Array()
  #at = 0
  #range = 0
  #code = 0
  /** Of all that was unpacked since the dictionary was reset: contexts hang on it. */
  #position = 0

  /** Raises Damaged for properties that LZMA2 does not have. */
  setProperties(byte: number): void {
    const contextBits = byte % 9
    const positionBits = Math.floor(byte / 9) % 5
    if (byte >= 225 || contextBits + positionBits > 4) throw new Damaged('it is damaged')
    this.#literalContextBits = contextBits
    this.#literalPositionMask = (1 << positionBits) - 1
    this.#positionMask = (1 << Math.floor(byte / 45)) - 1
    this.#probabilities = new Uint16Array(LITERAL + (0x300 << (contextBits + positionBits)))
    this.resetState()
  }

  resetState(): void {
    this.#probabilities.fill(1024)
    this.#state = 0
    this.#reps = [0, 0, 0, 0]
  }

  resetPosition(): void {
    this.#position = 0
  }

  moveOn(count: number): void {
    this.#position += count
  }

  /** Unpacks one chunk into `count` bytes at the end of the history, which has room for them. Raises Damaged. */
  decode(input: Uint8Array, history: History, count: number): void {
    if (input.length < 5) throw new Damaged('it is damaged')
    this.#input = input
    this.#at = 5
    this.#range = 0xffffffff
    this.#code = ((input[1]! << 24) | (input[2]! << 16) | (input[3]! << 8) | input[4]!) >>> 0
    const { bytes } = history
    const end = history.end + count
    const probabilities = this.#probabilities
    let at = history.end
    while (at < end) {
      const positionState = this.#position & this.#positionMask
      const context = this.#state * POSITION_STATES + positionState
      if (this.#bit(probabilities, IS_MATCH + context) === 0) {
        this.#literal(bytes, at, history.start)
        at++
        this.#position++
        continue
      }
      const length = this.#matchLength(positionState, context)
      const distance = this.#reps[0]! + 1
      if (length === 1) this.#state = this.#state < 7 ? 9 : 11
      if (distance > at - history.start || at + length > end) throw new Damaged('it is damaged')
      for (let i = 0; i < length; i++) bytes[at + i] = bytes[at + i - distance]!
      at += length
      this.#position += length
    }
    history.end = at
  }

  #literal(bytes: Uint8Array, at: number, start: number): void {
    const before = at > start ? bytes[at - 1]! : 0
    const context =
      ((this.#position & this.#literalPositionMask) << this.#literalContextBits) +
      (before >> (8 - this.#literalContextBits))
    const base = LITERAL + 0x300 * context
    const probabilities = this.#probabilities
    let symbol = 1
    if (this.#state >= 7) {
      const distance = this.#reps[0]! + 1
      if (distance > at - start) throw new Damaged('it is damaged')
      let match = bytes[at - distance]!
      while (symbol < 0x100) {
        const matchBit = (match >> 7) & 1
        match <<= 1
        const bit = this.#bit(probabilities, base + ((1 + matchBit) << 8) + symbol)
        symbol = (symbol << 1) | bit
        if (bit !== matchBit) break
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(probabilities, base + symbol)
    bytes[at] = symbol & 0xff
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6
  }

  /** Sets the distance, and gives the length; 1 is one byte at the last distance. */
  #matchLength(positionState: number, context: number): number {
    const probabilities = this.#probabilities
    const state = this.#state
    const reps = this.#reps
    if (this.#bit(probabilities, IS_REP + state) === 0) {
      const length = this.#length(MATCH_LENGTH, positionState)
      this.#state = state < 7 ? 7 : 10
      this.#reps = [this.#distance(Math.min(length - 2, 3)), reps[0]!, reps[1]!, reps[2]!]
      return length
    }
    if (this.#bit(probabilities, IS_REP_0 + state) === 0) {
      if (this.#bit(probabilities, IS_REP_0_LONG + context) === 0) return 1
    } else if (this.#bit(probabilities, IS_REP_1 + state) === 0) {
      this.#reps = [reps[1]!, reps[0]!, reps[2]!, reps[3]!]
    } else if (this.#bit(probabilities, IS_REP_2 + state) === 0) {
      this.#reps = [reps[2]!, reps[0]!, reps[1]!, reps[3]!]
    } else {
      this.#reps = [reps[3]!, reps[0]!, reps[1]!, reps[2]!]
    }
    const length = this.#length(REP_LENGTH, positionState)
    this.#state = state < 7 ? 8 : 11
    return length
  }

  #length(base: number, positionState: number): number {
    const probabilities = this.#probabilities
    if (this.#bit(probabilities, base) === 0) return 2 + this.#tree(base + 2 + positionState * 8, 3)
    if (this.#bit(probabilities, base + 1) === 0)
      return 10 + this.#tree(base + 2 + (POSITION_STATES + positionState) * 8, 3)
    return 18 + this.#tree(base + 2 + 2 * POSITION_STATES * 8, 8)
  }

  #distance(lengthState: number): number {
    const slot = this.#tree(SLOT + lengthState * 64, 6)
    if (slot < 4) return slot
    const bits = (slot >> 1) - 1
    const high = ((2 | (slot & 1)) << bits) >>> 0
    if (slot < 14) return high + this.#reverseTree(SPECIAL + high - slot, bits)
    return high + this.#direct(bits - 4) * 16 + this.#reverseTree(ALIGN, 4)
  }

  #tree(base: number, bits: number): number {
    let symbol = 1
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(this.#probabilities, base + symbol)
    return symbol - (1 << bits)
  }

  #reverseTree(base: number, bits: number): number {
    let symbol = 1
    let value = 0
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(this.#probabilities, base + symbol)
      symbol = (symbol << 1) | bit
      value |= bit << i
    }
    return value
  }

  #direct(bits: number): number {
    let value = 0
    for (let i = 0; i < bits; i++) {
      this.#range >>>= 1
      const bit = this.#code >= this.#range ? 1 : 0
      if (bit) this.#code = (this.#code - this.#range) >>> 0
      value = value * 2 + bit
      this.#normalise()
    }
    return value
  }

  #bit(probabilities: Uint16Array, index: number): 0 | 1 {
    const probability = probabilities[index]!
    const bound = (this.#range >>> 11) * probability
    if (this.#code < bound) {
      this.#range = bound
      probabilities[index] = probability + ((2048 - probability) >> 5)
      this.#normalise()
      return 0
    }
    this.#range = (this.#range - bound) >>> 0
    this.#code = (this.#code - bound) >>> 0
    probabilities[index] = probability - (probability >> 5)
    this.#normalise()
    return 1
  }

  #normalise(): void {
    if (this.#range >= 0x1000000) return
    if (this.#at >= this.#input.length) throw new Damaged('it is damaged')
    this.#range = (this.#range << 8) >>> 0
    this.#code = ((this.#code << 8) | this.#input[this.#at++]!) >>> 0
  }
}
