import { FirebreakError } from '../../core/contract/errors.ts'
import { DAY_MS } from '../../core/contract/ref.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: DAY_MS }
const LONGEST_MS = 30 * DAY_MS

/** `90s`, `15m`, `6h`, `1d` in milliseconds; from one second to thirty days. Raises INVALID_INPUT. */
export function durationMs(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const ms = Number(number) * (UNITS[unit ?? ''] ?? Number.NaN)
  if (ms >= 1000 && ms <= LONGEST_MS) return ms
  throw new FirebreakError(
    'INVALID_INPUT',
    `${JSON.stringify(text)} is no time between one second and thirty days`,
    'a whole number and a unit: 90s, 15m, 6h or 1d',
  )
}
