import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { parseYamlFile } from '../../../core/contract/yaml-file.ts'
import { checks } from '../../../judge/posture/all.ts'
import { loadPeople } from '../../../judge/ownership/people.ts'
import { findSubject } from '../../../know/inventory/queries.ts'
import type { ListedFinding } from '../findings.ts'
import type { World } from '../operation.ts'

const MOST_BYTES = 4 * 1024 * 1024
const ADVICE =
  'each exception has a check, an entity, an owner, a reason, a control and the day on which it expires; docs/posture.md has one, and all checks'
const text = z.string().trim().min(1)

const shape = z.strictObject({
  exceptions: z.array(
    z.strictObject({
      /** A check's id. */
      check: z.enum(checks.map(({ id }) => id)),
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
  /** Whoever answered for them has left: nobody does any more, and what they were for counts again. */
  readonly ownerless: readonly Exception[]
  /** They hold, and no list of people that was read knows who answers for them: a slip, as often as not. */
  readonly unlisted: readonly Exception[]
  /** Of nothing that is found now, with why. */
  readonly idle: readonly (Exception & { readonly why: string })[]
}

/** Raises NOT_FOUND where it cannot be read, and INVALID_INPUT with the line of what is wrong. */
export async function readExceptions(file: string): Promise<Exception[]> {
  let source: string
  try {
    const bytes = await readFile(file)
    if (bytes.length > MOST_BYTES)
      throw new FirebreakError('INVALID_INPUT', `${file} is larger than 4 MiB`, ADVICE)
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
  const { data, lineOf } = parseYamlFile(source, { file, schema: shape, advice: ADVICE })
  return data.exceptions.map((exception, index) => ({ ...exception, line: lineOf(['exceptions', index]) }))
}

/** Raises AMBIGUOUS where one names several things that are found wrong by its check. */
export async function applyExceptions(
  { db, keys, io }: World,
  file: string,
  exceptions: readonly Exception[],
  findings: readonly ListedFinding[],
): Promise<Excepted> {
  if (exceptions.length === 0) return { findings, expired: [], ownerless: [], unlisted: [], idle: [] }
  const today = io.now().toISOString().slice(0, 10)
  const given = new Map<ListedFinding, Exception>()
  const [expired, ownerless, unlisted]: [Exception[], Exception[], Exception[]] = [[], [], []]
  const idle: Excepted['idle'][number][] = []
  const people = await loadPeople(db, io.now().getTime())
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
    const before = finding && given.get(finding)
    if (!finding) idle.push({ ...exception, why: whyIdle(exception, ids.size > 0) })
    else if (exception.expires < today) expired.push(exception)
    else if (people.resolve(exception.owner)?.hasLeft) ownerless.push(exception)
    else if (before) idle.push({ ...exception, why: `line ${before.line} excepts the same already` })
    else {
      given.set(finding, exception)
      if (!people.isEmpty && !people.resolve(exception.owner)) unlisted.push(exception)
    }
  }
  return {
    findings: findings.map(finding => {
      const exception = given.get(finding)
      if (!exception) return finding
      const { owner, reason, control, expires } = exception
      return { ...finding, exception: { owner, reason, control, expires } }
    }),
    expired,
    ownerless,
    unlisted,
    idle,
  }
}

function whyIdle({ check, entity }: Exception, isKnown: boolean): string {
  return isKnown ? `${check} does not find ${entity} wrong` : `nothing is known by the name ${entity}`
}
