import { unread } from '../read-text.ts'
import { countText } from '../../../core/contract/count-text.ts'
import type { Observation } from '../../../core/contract/observation.ts'
import { columnsOf, fieldsOf, separatorOf } from './staff-columns.ts'
import { type PersonTold, tellPerson } from './telling.ts'

const MOST_TOLD = 20

/** A list of the people department. Who came back has several lines: one who is there in any of them is there. */
export function* readStaffList(path: string, text: string): Generator<Observation> {
  const records = recordsOf(text)
  const head = records[0]?.text ?? ''
  const columns = columnsOf(head)
  if (!columns) return
  const separator = separatorOf(head)
  const people = new Map<string, { told: PersonTold; id: string }>()
  let broken = 0
  for (const { text: record, line } of records.slice(1)) {
    const fields = fieldsOf(record, separator)
    if (fields.every(field => field === '')) continue
    const of = (what: string) => fields[columns.get(what) ?? -1]?.trim() ?? ''
    const mail = of('mail').toLowerCase()
    if (!/^[^@\s]+@[^@\s]+$/.test(mail)) {
      if (++broken <= MOST_TOLD) yield unread('people', path, line, 'the line has no address of a person')
      continue
    }
    const leftAt = dateOf(of('left'))
    const isActive = isActiveBy(of('status'))
    const name = of('name') === '' ? `${of('first')} ${of('last')}`.trim() : turned(of('name'))
    const id = of('number') === '' ? mail : of('number')
    const told = {
      name: name === '' ? undefined : name,
      mails: [mail],
      logins: of('login') === '' ? [] : [of('login')],
      number: of('number') === '' ? undefined : of('number'),
      teams: of('team') === '' ? [] : [of('team')],
      isActive,
      leftAt,
    }
    // Who came back, or has two posts, is there as long as any line says.
    const before = people.get(id)
    if (before === undefined || (before.told.isActive !== true && endOf(told) >= endOf(before.told)))
      people.set(id, { id, told })
  }
  if (broken > MOST_TOLD)
    yield unread('people', path, 1, `and ${countText(broken - MOST_TOLD, 'more line')} without an address`)
  for (const { id, told } of people.values()) yield* tellPerson('hr', id, told)
}

/** Undefined where the word tells nothing: somebody in a notice period is there. */
function isActiveBy(status: string): boolean | undefined {
  const word = status.toLowerCase().replace(/[^a-z]/g, '')
  if (
    /^(?:(?:terminated|inactive|left|leaver|former|deactivated|resigned|offboarded|alumni|ended)|(?:false|no)$)/.test(
      word,
    )
  )
    return false
  return /^(?:active|onleave|leave|employed|current|true|yes|probation|parental|sabbatical)/.test(word)
    ? true
    : undefined
}

/** Until when a line has somebody there: text, as it sorts. */
function endOf({ isActive, leftAt }: Pick<PersonTold, 'isActive' | 'leftAt'>): string {
  if (isActive === true) return FOR_EVER
  return leftAt ?? (isActive === false ? '' : FOR_EVER)
}

const FOR_EVER = '~'

function dateOf(text: string): string | undefined {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text.slice(0, 10)) : Number.NaN
  return Number.isNaN(at) ? undefined : new Date(at).toISOString()
}

/** `Doe, Jane` → `Jane Doe` */
function turned(name: string): string {
  const [, last, first] = /^([^,]+),\s*([^,]+)$/.exec(name) ?? []
  return first === undefined || last === undefined ? name : `${first.trim()} ${last.trim()}`
}

/** Lines, but for those that are broken within quotes. */
function recordsOf(text: string): { text: string; line: number }[] {
  const records: { text: string; line: number }[] = []
  let open: { text: string; line: number } | undefined
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const record = open ? { ...open, text: `${open.text}\n${line}` } : { text: line, line: index + 1 }
    // One that never ends ends here, so that what follows is read.
    const isOpen = (record.text.split('"').length - 1) % 2 === 1 && index + 1 - record.line < 10
    open = isOpen ? record : undefined
    if (!isOpen) records.push(record)
  }
  return open ? [...records, open] : records
}
