import { readFile } from 'node:fs/promises'
import { isNode, LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { checks } from '../../../judge/posture/all.ts'
import { findSubject } from '../../../know/inventory/queries.ts'
import type { ListedFinding } from '../findings.ts'
import type { World } from '../operation.ts'

const MOST_BYTES = 4 * 1024 * 1024
const MOST_SHOWN = 20
const text = z.string().trim().min(1)

const shape = z.strictObject({
  exceptions: z.array(
    z.strictObject({
      /** A check's id. */
      check: text.refine(
        id => checks.some(check => check.id === id),
        'is no check: docs/posture.md has them',
      ),
      /** As firebreak show takes it. */
      entity: text,
      /** Who answers for it. */
      owner: text,
      reason: text,
      /** What is done instead. */
      control: text,
      /** The last day on which it holds. */
      expires: z.iso.date('give the last day on which it holds, as 2027-01-31'),
    }),
  ),
})
export type Exception = z.infer<typeof shape>['exceptions'][number] & { readonly line: number }

/** Exceptions that were applied: every finding still stands in the list, some with the exception that it has. */
export interface Excepted {
  readonly findings: readonly ListedFinding[]
  /** They hold no more: what they were for counts again. */
  readonly expired: readonly Exception[]
  /** Of nothing that is found now. */
  readonly idle: readonly Exception[]
}

/** Raises NOT_FOUND where it cannot be read, and INVALID_INPUT with the line of what is wrong. */
export async function readExceptions(file: string): Promise<Exception[]> {
  let source: string
  try {
    const bytes = await readFile(file)
    if (bytes.length > MOST_BYTES) throw wrong(file, undefined, 'it is larger than 4 MiB')
    source = bytes.toString('utf8')
  } catch (error) {
    if (error instanceof FirebreakError) throw error
    throw new FirebreakError(
      'NOT_FOUND',
      `the exceptions ${file} cannot be read`,
      'give the path of a file that is there',
    )
  }
  return parseExceptions(file, source)
}

export function parseExceptions(file: string, source: string): Exception[] {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines })
  const [broken] = document.errors
  if (broken)
    throw wrong(
      file,
      lines.linePos(broken.pos[0]).line,
      broken.message.split('\n')[0]!.replace(/ at line .*$/, ''),
    )
  const lineOf = (path: readonly PropertyKey[]): number | undefined => {
    // What is missing has no line of its own, and what it is missing in has.
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true)
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
    }
    return 1
  }
  let plain: unknown
  try {
    plain = document.toJS({ maxAliasCount: 100 })
  } catch {
    throw wrong(file, undefined, 'it has too many aliases')
  }
  const parsed = shape.safeParse(plain)
  if (!parsed.success) throw wrongs(file, parsed.error.issues, lineOf)
  return parsed.data.exceptions.map((exception, index) => ({
    ...exception,
    line: lineOf(['exceptions', index]) ?? 1,
  }))
}

/** All of them, so that the file is mended at once. */
function wrongs(
  file: string,
  issues: readonly z.core.$ZodIssue[],
  lineOf: (path: readonly PropertyKey[]) => number | undefined,
): FirebreakError {
  const said = issues.map(({ path, message }) => {
    const at = path.filter(part => typeof part === 'string').at(-1)
    return { line: lineOf(path) ?? 1, why: `${at === undefined ? '' : `${at}: `}${message}` }
  })
  const [first, ...others] = said.sort((a, b) => a.line - b.line)
  const more = others.slice(0, MOST_SHOWN - 1).map(({ line, why }) => `; line ${line}: ${why}`)
  const unsaid = others.length - more.length
  const rest = unsaid > 0 ? `; and ${unsaid} more` : ''
  return wrong(file, first!.line, `${first!.why}${more.join('')}${rest}`)
}

function wrong(file: string, line: number | undefined, why: string): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    `${file}${line === undefined ? '' : `, line ${line}`}: ${why}`,
    'each exception has a check, an entity, an owner, a reason, a control and the day on which it expires; docs/posture.md has one',
  )
}

/** Raises AMBIGUOUS where one names several things that are found wrong by its check. */
export async function applyExceptions(
  { db, keys, io }: World,
  file: string,
  exceptions: readonly Exception[],
  findings: readonly ListedFinding[],
): Promise<Excepted> {
  const today = io.now().toISOString().slice(0, 10)
  const given = new Map<ListedFinding, Exception>()
  const [expired, idle]: [Exception[], Exception[]] = [[], []]
  for (const exception of exceptions) {
    const ids = new Set((await findSubject(db, keys, exception.entity)).map(({ id }) => id))
    const own = findings.filter(
      ({ check, entityId, identityId }) =>
        check === exception.check && (ids.has(entityId) || (identityId !== null && ids.has(identityId))),
    )
    const exact = own.filter(({ entityId }) => ids.has(entityId))
    const meant = exact.length > 0 ? exact : own
    if (meant.length > 1)
      throw new FirebreakError(
        'AMBIGUOUS',
        `${file}, line ${exception.line}: ${exception.entity} means ${meant.length} things that ${exception.check} finds`,
        `name one of: ${meant.map(({ ref }) => ref).join(', ')}`,
      )
    const [finding] = meant
    if (!finding) idle.push(exception)
    else if (exception.expires < today) expired.push(exception)
    else given.set(finding, exception)
  }
  return {
    findings: findings.map(finding => {
      const exception = given.get(finding)
      if (!exception) return finding
      const { owner, reason, control, expires } = exception
      return { ...finding, exception: { owner, reason, control, expires } }
    }),
    expired,
    idle,
  }
}
