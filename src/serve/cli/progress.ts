import pc from 'picocolors'
import { countText, numberText } from '../../core/contract/count-text.ts'
import type { ProgressEvent } from '../operations/operation.ts'
import { printable } from './printable.ts'
import { wrapped } from './wrapped.ts'

const REDRAW_MS = 100
const MARKS: Record<string, string> = { verified: '✓', done: '✓', skipped: '–', stuck: '!', undone: '↶' }

/** Draws progress: one line that is redrawn for a scan, one line each for steps and notes. */
export interface ProgressView {
  show(event: ProgressEvent): void
  /** Clears the line that is being redrawn, so that something else can be printed. */
  clear(): void
}

/** Nothing is drawn where nobody watches: in a pipe only notes are printed. */
export function progressView(stderr: NodeJS.WriteStream): ProgressView {
  if (!stderr.isTTY)
    return {
      show(event) {
        if (event.kind === 'note') stderr.write(printable(`${event.text}\n`))
      },
      clear() {},
    }
  const started = new Map<string, number>()
  let drawn = false
  let drawnAt = 0
  const clear = () => {
    if (drawn) stderr.write('\r\u001b[2K')
    drawn = false
  }
  return {
    clear,
    show(event) {
      const now = performance.now()
      if (event.kind === 'scan') {
        if (!started.has(event.label)) started.set(event.label, now)
        if (!event.done && now - drawnAt < REDRAW_MS) return
        drawnAt = now
        clear()
        if (event.done) return
        stderr.write(
          printable(scanLine(event, (now - started.get(event.label)!) / 1000, stderr.columns || 80)),
        )
        drawn = true
        return
      }
      clear()
      const text = event.kind === 'note' ? event.text : stepLine(event)
      stderr.write(printable(wrapped(`${text}\n`, stderr)))
    },
  }
}

function stepLine({ title, state, detail }: Extract<ProgressEvent, { kind: 'step' }>): string {
  return `${MARKS[state] ?? '·'} ${title} ${pc.dim(state)}${detail === undefined ? '' : pc.dim(`  ${detail}`)}`
}

type ScanEvent = Extract<ProgressEvent, { kind: 'scan' }>

/** `src: 1,204 files, 61 of 212 MB, 84 MB/s, 2 s left, 3 found`, cut to the width so that one line stays one line. */
export function scanLine(event: ScanEvent, seconds: number, columns: number): string {
  const rate = seconds > 0 ? event.bytes / seconds : 0
  const left =
    event.totalBytes !== undefined && rate > 0 && event.totalBytes > event.bytes
      ? `${formatSeconds((event.totalBytes - event.bytes) / rate)} left`
      : undefined
  const parts = [
    countText(event.documents, 'file'),
    event.totalBytes === undefined
      ? formatBytes(event.bytes)
      : `${formatBytes(event.bytes)} of ${formatBytes(event.totalBytes)}`,
    `${formatBytes(rate)}/s`,
    left,
    `${numberText(event.finds)} found`,
  ].filter(part => part !== undefined)
  const tail = parts.join(', ')
  const room = columns - 1 - tail.length - 2
  const label = event.label.length <= room ? event.label : `…${event.label.slice(-Math.max(0, room - 1))}`
  return room < 4 ? tail.slice(0, columns - 1) : `${label}: ${tail}`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`
  const units = ['kB', 'MB', 'GB', 'TB']
  let value = bytes / 1000
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`
}

function formatSeconds(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`
}
