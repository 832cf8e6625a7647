import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import process from 'node:process'

/**
 * What a step tells the runner, and is told by it. Nothing here is anybody else's: an action runs as it was checked out.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 */
export function input(name: string): string {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim()
}

/** Of a value with several lines each is kept out of the log by itself. */
export function mask(value: string): void {
  for (const line of value.split(/\r?\n/)) if (line.trim() !== '') command('add-mask', line)
}

export function warn(message: string): void {
  command('warning', message)
}

export function fail(message: string): void {
  command('error', message)
  process.exitCode = 1
}

/** For the steps that follow, for the end of the job, or as what this step gives. */
export function hand(to: 'ENV' | 'STATE' | 'OUTPUT', name: string, value: string): void {
  const file = process.env[`GITHUB_${to}`]
  if (!file) throw new Error(`the runner gave no GITHUB_${to}`)
  const delimiter = `firebreak_${randomUUID()}`
  appendFileSync(file, `${name}<<${delimiter}\n${value}\n${delimiter}\n`)
}

export function stateOf(name: string): string {
  return process.env[`STATE_${name}`] ?? ''
}

function command(name: string, text: string): void {
  const escaped = text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  process.stdout.write(`::${name}::${escaped}\n`)
}
