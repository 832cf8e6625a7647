import pc from 'picocolors'
import { countText } from '../../../core/contract/count-text.ts'
import { byText } from '../../../core/contract/text-order.ts'
import { coverageText } from '../coverage.ts'
import { stateText } from '../state-text.ts'
import { shortFingerprint, standsNow, whereOf } from '../standing.ts'
import { tableLines } from '../table.ts'
import { wrap } from '../wrap.ts'
import type { Acceptance, Found, FoundCopy, Scan } from './found.ts'

const ADVICE =
  'Take it out, and have the program read it from elsewhere; or write "firebreak:allow" behind it, in a comment, and why it may stand there.'

export function scanText(output: Scan, width: number): string {
  return [...scanLines(output, width)].join('\n')
}

/** Line by line: with its thousands of finds, all of it would take more memory than they do. */
export function* scanLines(output: Scan, width: number): Generator<string, void> {
  const { credentials } = output
  const places = credentials.reduce((sum, credential) => sum + mergedPlaces(openCopies(credential)).length, 0)
  const headline =
    credentials.length === 0
      ? output.coverage.searched.length === 0
        ? 'No credentials found, as nothing was searched to its end.'
        : 'No credentials found.'
      : `${countText(credentials.length, 'credential')} in ${countText(places, 'place')}.`
  const leftOut =
    output.leftOut === 0 ? '' : ` ${output.leftOut} less likely ones left out (--min-confidence).`
  const next = output.kept
    ? [
        `Next: ${pc.cyan('firebreak show ID')}, ${pc.cyan('firebreak trace -')} or ${pc.cyan('firebreak check')}`,
      ]
    : [wrap(ADVICE, width, '', '')]
  if (credentials.length > 0) {
    yield* foundTable(output, width)
    yield ''
  }
  yield* [
    pc.bold(headline) + leftOut,
    ...triedText(output, width),
    ...acceptedText(output, width),
    ...output.written.map(file => `Written: ${file}`),
    '',
    coverageText(output.coverage, width),
    ...(credentials.length > 0
      ? ['', ...next]
      : output.kept && output.coverage.searched.length > 0
        ? ['', `Next: ${pc.cyan('firebreak check')}`]
        : []),
  ]
}

const STATES = ['live', 'unknown', 'dead']

/** Why each is held to be live, unknown or dead, where they were tried: once for all of which the same was said. */
function triedText({ credentials }: Scan, width: number): string[] {
  const verdicts = credentials.flatMap(({ verified }) => verified ?? [])
  const said = Map.groupBy(verdicts, ({ state, why, access }) => [`${state}: ${why}`, ...access].join('; '))
  const order = ([, [one]]: [string, typeof verdicts]) => STATES.indexOf(one!.state)
  return [...said]
    .sort((a, b) => order(a) - order(b) || b[1].length - a[1].length)
    .map(([text, { length }]) => wrap(`${length} ${text}`, width, '  ', '    '))
}

const MOST_SHOWN = 10

/** What is accepted is no find, and is not hidden either. */
function acceptedText(output: Scan, width: number): string[] {
  const found = [...output.credentials, ...output.accepted]
  const copies = found.flatMap(({ copies }) => copies)
  const allowed = Map.groupBy(
    copies.filter(copy => copy.accepted === 'allowed'),
    copy => whereOf(copy),
  )
  // As places are counted of what is found: of each credential.
  const placesThatAre = (why: Acceptance) =>
    found.reduce((sum, { copies }) => sum + placesOf(copies, why).size, 0)
  const [known, out] = [placesThatAre('baseline'), placesThatAre('excluded')]
  // In a history nobody can give a reason any more.
  const unreasoned = new Set(copies.filter(copy => copy.allowance === '' && standsNow(copy)).map(whereOf))
  const lines = [...allowed].map(([where, [copy]]) =>
    wrap(`${where}: ${copy?.allowance}`, width, '  ', '    '),
  )
  const more = lines.length - MOST_SHOWN
  return [
    ...(lines.length === 0
      ? []
      : [`Allowed in ${countText(lines.length, 'place')}:`, ...lines.slice(0, MOST_SHOWN)]),
    ...(more > 0 ? [`  … and ${more} more (--json shows all)`] : []),
    ...(known === 0 ? [] : [`Known from the baseline: ${countText(known, 'place')}.`]),
    ...(out === 0 ? [] : [`Excluded: ${countText(out, 'place')}.`]),
    ...[...unreasoned].map(where =>
      wrap(`${where}: firebreak:allow is not accepted, as it gives no reason`, width, '', '  '),
    ),
  ]
}

function placesOf(copies: readonly FoundCopy[], why: Acceptance): Set<string> {
  return new Set(copies.filter(({ accepted }) => accepted === why).map(whereOf))
}

function openCopies({ copies }: Found): readonly FoundCopy[] {
  return copies.filter(copy => copy.accepted === null)
}

/** One row for each path and line; the versions in which it stands there are counted. */
interface MergedPlace {
  readonly where: string
  readonly commit: string | null
  readonly author: string | null
  readonly date: string | null
  readonly commits: number
  readonly now: boolean
}

function mergedPlaces(open: readonly FoundCopy[]): MergedPlace[] {
  const groups = Map.groupBy(open, whereOf)
  return [...groups].map(([where, copies]) => {
    const commits = copies.filter(copy => copy.commit !== null)
    const first = commits.sort((a, b) => byText(a.date ?? '', b.date ?? ''))[0]
    return {
      where,
      commit: first?.commit ?? null,
      author: first?.author ?? null,
      date: first?.date ?? null,
      commits: new Set(commits.map(copy => copy.commit)).size,
      now: copies.some(standsNow),
    }
  })
}

/** From here on there is room for dates. */
const WIDE = 100

function foundTable({ credentials, kept }: Scan, width: number): Iterable<string> {
  const rows = credentials.flatMap(credential =>
    mergedPlaces(openCopies(credential)).map((place, index) => {
      const isFirst = index === 0
      const more = place.commits > 1 ? ` +${place.commits - 1}` : ''
      return [
        shortFingerprint(credential.fingerprint ?? ''),
        isFirst ? credential.confidence.toFixed(2) : '',
        isFirst ? titleOf(credential) : '',
        place.where,
        // A part of a history does not tell what became of it.
        kept ? (place.now ? 'now' : 'history') : '',
        place.commit === null ? '' : place.commit.slice(0, 8) + more,
        place.date === null || width < WIDE ? '' : place.date.slice(0, 10),
      ]
    }),
  )
  return tableLines(
    [
      { title: 'ID' },
      { title: 'SURE' },
      { title: 'CREDENTIAL', flexible: true },
      { title: 'WHERE', flexible: true },
      { title: 'STANDS' },
      { title: 'FIRST IN' },
      { title: 'DATE' },
    ],
    rows,
    width,
  )
}

/** Its kind, what tells it from others of the kind, and whether it has ended by itself. */
function titleOf({ kind, preview, identity, facts, verified }: Found): string {
  const ended = facts.find(fact => fact.past)
  const tried = verified ? stateText(verified.state) : ''
  return [kind, preview ?? identity ?? '', tried, ended ? `expired ${String(ended.value).slice(0, 10)}` : '']
    .filter(part => part !== '')
    .join(' ')
}
