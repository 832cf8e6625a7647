import { expect, test } from 'vitest'
import { formatRef } from '../../../src/core/contract/ref.ts'
import { checks } from '../../../src/judge/posture/all.ts'
import { runChecks } from '../../../src/judge/posture/run-checks.ts'
import { makeOrganisation } from '../organisation/organisation.ts'
import type { Estate } from '../../know/estate.ts'
import type { Identity } from '../organisation/identities.ts'
import { takeIn } from '../organisation/take-in.ts'

type Wrong = Identity['wrong'] extends ReadonlySet<infer One> ? One : never

/** Which check finds what was planted, and in which systems. */
const FOUND_BY: Partial<Record<Wrong, readonly [check: string, isMeant?: (identity: Identity) => boolean]>> =
  {
    administrator: ['administrator', ({ wrong }) => !wrong.has('no password needed')],
    'console password in use': ['console-password-in-use'],
    'federates with everyone': ['loose-federation'],
    'leaked in a repository': ['leaked-in-code'],
    'mixed environments': ['environments-mixed'],
    'posted in chat': ['copy-in-chat'],
    'used by several workloads': ['workloads-share-identity'],
    'never expires': ['credential-never-expires'],
    'no password needed': ['no-password-needed'],
    'old key': ['credential-old'],
    'third party with everything': ['third-party-app-everywhere', ({ system }) => system === 'github'],
    unused: ['unused'],
    'weak password hash': ['weak-password-hash'],
  }

test('what is planted in an organisation is found, each one with its evidence, and nothing else is', async () => {
  const organisation = makeOrganisation('planted', 900)
  const { identities } = organisation
  const estate = await takeIn(organisation)
  const { counts } = await runChecks(estate.db, estate, checks)
  const found = await findingsByCheck(estate)
  for (const [wrong, [check, isMeant = () => true]] of Object.entries(FOUND_BY)) {
    const planted = identities.filter(one => one.wrong.has(wrong as Wrong) && isMeant(one))
    const own = found.get(check) ?? new Map<string, string>()
    expect.soft(planted.length, wrong).toBeGreaterThan(0)
    const missed = planted.filter(({ ref }) => !own.has(formatRef(ref)))
    expect
      .soft(
        missed.map(({ ref, name }) => `${formatRef(ref)} ${name}`),
        wrong,
      )
      .toEqual([])
    const alsoBy = Object.entries(FOUND_BY).filter(([, [other]]) => other === check)
    // What is used in two environments stands in the repository, too.
    if (check === 'leaked-in-code') alsoBy.push(['mixed environments', ['environments-mixed']])
    const sound = identities.filter(({ wrong: all }) => !alsoBy.some(([one]) => all.has(one as Wrong)))
    const blamed = sound.flatMap(({ ref, name }) =>
      own.has(formatRef(ref)) ? [`${name}: ${own.get(formatRef(ref))}`] : [],
    )
    expect.soft(blamed, check).toEqual([])
    // Of who federates with nobody, and of what stands where no environment is told, that check has nothing to say.
    if (!['loose-federation', 'environments-mixed'].includes(check))
      expect.soft(counts.find(one => one.check === check)!.passes, check).toBeGreaterThan(0)
    for (const why of own.values()) expect.soft(why.length, check).toBeGreaterThan(10)
  }
})

/** By check, the identities that it finds wrong, or whose credentials, and why. */
async function findingsByCheck({ db }: Estate): Promise<Map<string, Map<string, string>>> {
  const rows = await db.selectFrom('finding').select(['check', 'why', 'entity_id']).execute()
  const identityOf = new Map(
    (await db.selectFrom('credential').select(['entity_id', 'identity_id']).execute()).map(one => [
      one.entity_id,
      one.identity_id,
    ]),
  )
  const entities = new Map((await db.selectFrom('entity').selectAll().execute()).map(one => [one.id, one]))
  const found = new Map<string, Map<string, string>>()
  for (const { check, why, entity_id } of rows) {
    let entity = entities.get(identityOf.get(entity_id) ?? entity_id)!
    while (entity.merged_into !== null) entity = entities.get(entity.merged_into)!
    const own = found.get(check) ?? new Map<string, string>()
    found.set(check, own.set(formatRef({ ...entity, id: entity.native }), why))
  }
  return found
}
