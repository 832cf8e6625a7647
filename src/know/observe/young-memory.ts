import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

const ENOUGH_MIB = 16
const MIB = 1024 * 1024

let isBound = false

/**
 * The longer a program runs, the more memory V8 takes for what is short-lived, up to 128 MiB: a long history would take more
 * than a short one. Called now and then, this lets it grow until it has enough. Workers have a limit of their own.
 */
export function boundYoungMemory(): void {
  if (isBound) return
  const space = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')
  if (!space || space.space_size < ENOUGH_MIB * MIB) return
  isBound = true
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** Threads that are started from here on have so much from their beginning: they may not get more. */
export function startWithYoungMemory(mib: number): void {
  // It is divided into what is in use, what is copied to, and as much again.
  setFlagsFromString(`--min-semi-space-size=${Math.trunc(mib / 3)}`)
}
