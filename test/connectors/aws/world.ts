import { onTestFinished } from 'vitest'
import { type MemoryAws, memoryAws } from '../../../src/connectors/aws/memory.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import type { Observation } from '../../../src/core/contract/observation.ts'

/** Waiting takes no time, and is counted. */
export function impatient(): Io & { slept: number[] } {
  const slept: number[] = []
  return { ...realIo(), slept, sleep: async ms => void slept.push(ms) }
}

export function filled(overrides: Parameters<typeof memoryAws>[0] = { pageSize: 2 }): MemoryAws {
  const twin = memoryAws(overrides)
  for (let n = 1; n <= 5; n++) twin.account.addKey(twin.account.addUser(`app-${n}`))
  twin.account.addRole('runner', {
    Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '999988887777' } },
  })
  return twin
}

export async function open(twin: MemoryAws, io: Io = impatient()) {
  const connection = await twin.connector.open({} as never, io)
  onTestFinished(() => connection.close())
  return connection
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

export const gapsIn = (observations: readonly Observation[]) =>
  observations.flatMap(one => (one.see === 'covered' && !one.complete ? [one] : []))
