import pc from 'picocolors'
import type { ContainReport } from '../../act/incident/report.ts'
import { wrap } from './wrap.ts'

const DEAD = pc.green('dead')
const LIVE = pc.red('LIVE')
const UNKNOWN = pc.yellow('unknown')
const colours: Readonly<Record<string, string>> = {
  dead: DEAD,
  replaced: pc.green('replaced'),
  removed: pc.green('removed'),
  moved: pc.green('moved'),
  live: LIVE,
  seen: pc.yellow('seen'),
  unknown: UNKNOWN,
}

/** What is said of a containment, and differently of what goes for good. */
interface Words {
  readonly planned: string
  readonly command: string
  readonly done: string
  /** How what is planned is done. */
  readonly next: string
}
const CONTAINMENT: Words = {
  planned: 'Leaked',
  command: 'firebreak contain',
  done: 'Contained',
  next: 'the same without --dry-run',
}

/** What a responder reads when a run has ended, or of a plan before anything is done. */
export function containText(report: ContainReport, width: number, words = CONTAINMENT): string {
  if (report.state === 'planned')
    return `${planText(report, width, words)}\n\nNothing was changed.\n\nNext: ${words.next}\n`
  const lines = [verdictLine(report, words), '']
  const add = (heading: string, items: readonly string[]) => {
    if (items.length === 0) return
    lines.push(pc.bold(heading), ...items.map(item => wrap(item, width, '  ', '    ')), '')
  }
  add(
    'Credentials',
    report.credentials.map(one => {
      const proof = one.at ? ` (${one.at}; ${one.sessions ?? 'unknown'} sessions left)` : ''
      return `${one.label}: ${colours[one.state] ?? one.state}: ${one.why}${proof}`
    }),
  )
  add(
    `Copies (${report.copies.length})`,
    report.copies.map(copy => `${colours[copy.state] ?? copy.state}  ${copy.where}: ${copy.why}`),
  )
  add('Copies that appeared meanwhile', report.newCopies)
  add(
    'Consumers',
    report.consumers.map(one => `${colours[one.state] ?? one.state}  ${one.name}: ${one.how}`),
  )
  add('Principals that appeared meanwhile', report.newPrincipals)
  add(
    'Steps not finished',
    report.steps
      .filter(step => step.state !== 'verified' && step.state !== 'skipped')
      .map(step => `${step.key} ${pc.yellow(step.state)}${step.error ? `: ${step.error}` : ''}`),
  )
  add(
    'Steps left out',
    report.steps
      .filter(step => step.state === 'skipped')
      .map(step => `${step.key}${step.skipped ? `: ${step.skipped}` : ''}`),
  )
  add('Left to a person', report.outstanding)
  add(
    'Not searched',
    report.notSearched.map(({ what, why }) => `${what}: ${why}`),
  )
  lines.push(`Run ${report.run}. The record: firebreak evidence verify`)
  if (!report.contained && report.state !== 'done')
    lines.push(`Go on with it: ${words.command} --resume ${report.run}`)
  return `${lines.join('\n')}\n`
}

function verdictLine(report: ContainReport, { done }: Words): string {
  if (report.contained) return pc.bold(pc.green(`${done}: ${proofText(report)}`))
  const not = `NOT ${done.toLowerCase()}`
  if (report.credentials.some(one => one.state === 'live')) return pc.bold(pc.red(`${not}.`))
  if (report.state === 'done' && report.credentials.every(one => one.state === 'dead'))
    return pc.bold(pc.yellow('Cut off, but not all that it opened could be ended.'))
  if (report.state === 'done') return pc.bold(pc.yellow('Cut off, but the proof is missing.'))
  return pc.bold(pc.red(`${not}: the run is ${report.state}.`))
}

function proofText({ credentials }: ContainReport): string {
  const untried = credentials.filter(one => one.untried).length
  if (untried === 0) return 'tried at the server, and refused.'
  const word = 'the system says that nobody gets in'
  if (untried === credentials.length) return `${word}; no value was at hand to try.`
  return `tried at the server, and refused; of ${untried}, without a value to try, ${word}.`
}

/** The plan: who owns it, who uses it, what a holder gets, the steps and their order, what will break. */
export function planText(report: ContainReport, width: number, words = CONTAINMENT): string {
  const lines: string[] = []
  const add = (heading: string, items: readonly string[], none?: string) => {
    const shown = items.length > 0 ? items : none !== undefined ? [none] : []
    if (shown.length > 0)
      lines.push(pc.bold(heading), ...shown.map(item => wrap(item, width, '  ', '    ')), '')
  }
  add(
    words.planned,
    report.credentials.map(one => `${one.label}: ${colours[one.state] ?? one.state}: ${one.why}`),
  )
  add(
    'Owner',
    report.owners.map(one => `${one.owner} (${one.source})`),
    'nobody known',
  )
  add(
    'Users',
    report.consumers.map(one => `${one.name}: ${one.how}`),
    'none seen',
  )
  add('A holder gets', report.reach.slice(0, 12))
  if (report.reach.length > 12) lines.push(`  and ${report.reach.length - 12} more: firebreak reach NAME`, '')
  const number = new Map(report.steps.map((step, index) => [step.key, index + 1]))
  add(
    `Plan (${report.mode})`,
    report.steps.map(step => {
      const after = step.needs.map(key => number.get(key) ?? '?').join(', ')
      return `${String(number.get(step.key)).padStart(2)}. ${step.title}${after ? pc.dim(` (after ${after})`) : ''}`
    }),
  )
  add('What will break', report.breaks, 'nothing that was seen')
  return lines.join('\n').trimEnd()
}
