import type { Faults, World } from './world.ts'

/** A twin that counts its calls, and can break one of them off. */
interface Faulty {
  readonly calls: number
  failAt(call: number, when: 'before' | 'after'): void
  noFault(): void
}

export function memoryFaults(twin: Faulty, open: World['open']): Faults {
  let from = twin.calls
  return {
    open,
    failAt: (call, when) => {
      from = twin.calls
      twin.failAt(call, when)
    },
    noFault: () => {
      from = twin.calls
      twin.noFault()
    },
    count: () => twin.calls - from,
    close: async () => {},
  }
}
