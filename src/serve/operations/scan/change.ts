import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Change, ChangeRange } from '../../../core/contract/change.ts'
import { countText } from '../../../core/contract/count-text.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { pathText } from '../../../core/contract/path-text.ts'
import type { Ms } from '../../../core/contract/ref.ts'
import { byText } from '../../../core/contract/text-order.ts'
import { fingerprint, publicFingerprint } from '../../../core/keys/fingerprint.ts'
import type { Keys } from '../../../core/keys/keys.ts'
import { look, type Look } from '../../../know/observe/look.ts'
import { rulesInUse } from '../../../know/readers/secrets/rules/rules-in-use.ts'
import type { World } from '../operation.ts'
import { ruleFoldersOf } from '../own-rules.ts'
import { shownFact, type ShownFact } from '../shown-fact.ts'
import { isoTime, PIPED } from '../standing.ts'
import { type Baselines, compared } from './compared.ts'
import { type Found, type FoundCopy, isAccepted, type Scan, setAside, withExclusions } from './found.ts'
import type { Root } from './sarif.ts'

export interface ChangeInput extends Baselines {
  /** Each is opened once those before it were read. */
  readonly changes: Iterable<Promise<Change>>
  readonly minConfidence: number
  /** Globs. */
  readonly exclude: readonly string[]
}

/**
 * What a change would bring. Nothing of it is kept: what is staged may never be committed, and an inventory of what
 * stands nowhere would send people after it. A commit that was made is found by the next scan.
 */
export async function scanChange(
  world: World,
  input: ChangeInput,
): Promise<Scan & { roots: Root[]; unmarked: number }> {
  const inUse = await rulesInUse(ruleFoldersOf(world))
  const keys = await world.existingKeys()
  const roots: Root[] = []
  const found: Found[] = []
  const searched: string[] = []
  const skipped = inUse.problems.map(({ file, line, column, message }) => ({
    what: file,
    why: `line ${line}, column ${column}: ${message}`,
  }))
  const failures: Error[] = []
  for await (const change of input.changes) {
    try {
      const { finds, gaps, documents } = await look(change, inUse, world.io)
      const { root, origin, revision } = change
      if (root !== undefined) roots.push({ path: root, origin, revision })
      searched.push(`${change.scope}, ${countText(documents, 'document')}`)
      skipped.push(...gaps.map(({ what, why }) => ({ what, why })))
      const failed = gaps.find(gap => gap.failed)
      if (failed)
        failures.push(
          new FirebreakError(
            'CONFLICT',
            `${failed.what} could not be read: ${failed.why}`,
            'what was not searched is listed with what was found',
          ),
        )
      found.push(...(await foundIn(change, finds, keys, input, world.io.now().getTime())))
      for (const find of finds) find.secret.erase()
    } finally {
      await change.close()
    }
  }
  const sure = found.filter(({ confidence }) => confidence >= input.minConfidence)
  return {
    credentials: sure.filter(one => !isAccepted(one)),
    accepted: sure.filter(isAccepted),
    identities: [],
    coverage: { searched, skipped },
    leftOut: found.length - sure.length,
    failures,
    kept: false,
    written: [],
    unmarked: 0,
    roots,
  }
}

/** What is staged in the checkouts that these lie in, or what some of their commits bring. */
export function* changesOf(
  world: World,
  range: ChangeRange,
  paths: readonly string[],
): Generator<Promise<Change>> {
  for (const [repository, within] of repositoriesOf(paths))
    yield world.openChange(repository, { ...range, ...(within && { within }) })
}

/** The checkouts that these lie in, each with what is asked for of it; undefined for all of it, as of the one that one works in. */
function repositoriesOf(paths: readonly string[]): Map<string, readonly string[] | undefined> {
  if (paths.length === 0) return new Map([[repositoryAt('.'), undefined]])
  return new Map(
    [...Map.groupBy(paths, repositoryAt)].map(([repository, own]) => {
      // As paths of a repository are told: a name may hold what a terminal would obey.
      const within = own.map(path => pathText(Buffer.from(relative(repository, resolve(path)))))
      return [repository, within.includes('') ? undefined : [...new Set(within)]]
    }),
  )
}

/** The checkout that the path lies in. */
function repositoryAt(path: string): string {
  const from = resolve(path)
  for (let at = from; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at
    if (at === dirname(at)) return from
  }
}

async function foundIn(
  change: Change,
  finds: readonly Look[],
  keys: Keys | undefined,
  input: ChangeInput,
  now: Ms,
): Promise<Found[]> {
  const groups = Map.groupBy(finds, ({ kind, secret, claims }) =>
    JSON.stringify([kind, Buffer.from(secret.reveal()).toString('base64'), claims ?? null]),
  )
  const isOut = setAside(input.exclude)
  const told = async (group: readonly Look[]): Promise<Found> => {
    const first = group[0]!
    const value = { secret: first.secret, preview: first.preview ?? null }
    return {
      fingerprint: keys
        ? publicFingerprint(keys.publicFingerprint, fingerprint(keys.fingerprint, first.secret))
        : null,
      kind: first.kind,
      preview: first.preview ?? null,
      // What a text names by the credential's own id is no identity.
      identity: first.claims?.id.startsWith('?') ? first.claims.id.slice(1) : null,
      confidence: group.reduce((most, { confidence }) => Math.max(most, confidence), 0),
      facts: factsOf(group, change, now),
      copies: await compared(
        withExclusions(
          group.map(find => copyOf(change, find)),
          isOut,
        ),
        { mark: marks => marks.of(value), read: async () => value },
        input,
      ),
    }
  }
  const found = await Promise.all([...groups.values()].map(told))
  return found.sort((a, b) => b.confidence - a.confidence || byText(a.kind, b.kind))
}

/** Each value once, by the first that says it. */
function factsOf(finds: readonly Look[], { root }: Change, now: Ms): ShownFact[] {
  const told = new Map<string, ShownFact>()
  for (const { facts, place } of finds)
    for (const [name, { value, at }] of Object.entries(facts ?? {})) {
      const key = JSON.stringify([name, value])
      const source = root === undefined ? place.path : `git:${root} ${place.path}`
      if (!told.has(key)) told.set(key, shownFact(name, value, source, at ?? now, now))
    }
  return [...told.values()].sort((a, b) => byText(a.name, b.name))
}

function copyOf(change: Change, find: Look): FoundCopy {
  const { place, member, line, kind, allowance } = find
  return {
    place: change.root === undefined ? PIPED : `git:${change.root}`,
    path: place.path,
    member: member ?? null,
    line: line ?? null,
    commit: place.commit ?? null,
    author: place.author ?? null,
    date: place.at === undefined ? null : isoTime(place.at),
    atHead: null,
    goneAt: null,
    reasons: find.reasons,
    allowance: allowance ?? null,
    rule: kind,
    accepted: allowance ? 'allowed' : null,
  }
}
