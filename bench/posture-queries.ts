import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import type { CheckCounts } from '../src/judge/posture/run-checks.ts'
import { NOW } from './posture-estate.ts'

const DAY_MS = 86_400_000
const days = (count: number) => `'"${new Date(NOW - count * DAY_MS).toISOString()}"'`
/** What stands of identities and credentials. */
const THERE = 'entity.gone_at is null and entity.merged_into is null'
const fact = (name: string) => `select entity_id, value from fact where name = '${name}' and gone_at is null`
/** Credentials that could be used. */
const USABLE = `credential join entity on entity.id = credential.entity_id and ${THERE}
  left join (${fact('active')}) active on active.entity_id = entity.id
  left join (${fact('expires')}) ends on ends.entity_id = entity.id
  left join (${fact('created')}) created on created.entity_id = entity.id
  left join (${fact('lastUsed')}) used on used.entity_id = entity.id
  where credential.state <> 'dead' and coalesce(active.value, 'true') = 'true'
  and (ends.value is null or ends.value = '"never"' or ends.value > ${days(0)})`
/** Copies that stand and are likely enough to be of a secret. */
const STANDS = 'copy.gone_at is null and copy.confidence >= 0.5'
/** Values that are not known to be dead, of some of which copies are asked. */
const valuesIn = (...fingerprints: string[]) => `select count(*) from credential
  join entity on entity.id = credential.entity_id and ${THERE} where credential.state <> 'dead'
  ${fingerprints.map(some => `and credential.fingerprint in (select fingerprint from ${some})`).join(' ')}`
const inSystems = (systems: string) => `copy join source on source.id = copy.source_id
  where ${STANDS} and coalesce(copy.allowance, '') = '' and source.system in (${systems})`
const called = (words: readonly string[]) =>
  `copy where ${STANDS} and (${words
    .flatMap(word => [`%/${word}/%`, `%/${word}.%`, `%.${word}`, `%.${word}.%`, `%-${word}/%`, `%-${word}.%`])
    .map(pattern => `'/' || copy.path like '${pattern}'`)
    .join(' or ')})`
const PERSONAL = [
  '%\\_history',
  '%/.netrc',
  '%/.pgpass',
  '%/.my.cnf',
  '%/.aws/credentials',
  '%/.git-credentials',
]

/** By check: how many fail, asked of the store by one statement, which gives no reason and keeps no finding. */
const QUERIES: Readonly<Record<string, string>> = {
  'copy-outside-approved-store': valuesIn(`copy join watch using (source_id)
    where ${STANDS} and coalesce(copy.allowance, '') = '' and copy.first_seen > watch.baseline_at
    and not exists (select 1 from copy before where before.fingerprint = copy.fingerprint
      and before.source_id = copy.source_id and before.path = copy.path and before.member = copy.member
      and before.first_seen <= watch.baseline_at and coalesce(before.gone_at, ${NOW}) >= copy.first_seen)`),
  'copies-in-several-places': valuesIn(`(select fingerprint || '' as fingerprint from copy where ${STANDS}
    group by 1 having count(distinct source_id || path || '!' || member) > 2)`),
  'copy-in-chat': valuesIn(inSystems("'slack'")),
  'leaked-in-code': valuesIn(inSystems("'git', 'github', 'gitlab', 'registry'")),
  'credential-in-personal-file': valuesIn(
    `copy where ${STANDS} and (${PERSONAL.map(pattern => `'/' || copy.path like '${pattern}' escape '\\'`).join(' or ')})`,
  ),
  'environments-mixed': valuesIn(
    called(['prod', 'production', 'live']),
    called(['dev', 'development', 'stage', 'staging', 'test', 'qa', 'sandbox']),
  ),
  'unrotated-after-exposure': `select count(*) from (select credential.state, created.value as made,
      (select min(first_seen) from copy join source on source.id = copy.source_id
        where copy.fingerprint = credential.fingerprint and copy.confidence >= 0.5 and coalesce(copy.allowance, '') = ''
        and source.system in ('git', 'github', 'gitlab', 'slack', 'registry')) as seen from ${USABLE}) as exposed
    where seen < ${NOW - DAY_MS} and (state = 'live' or made is not null)
    and (made is null or unixepoch(trim(made, '"'), 'subsec') * 1000 <= seen)`,
  'unrotated-after-handover': `select count(*) from ${USABLE} and exists (select 1 from confirmation
    where confirmation.entity_id = credential.identity_id and handed_from is not null and ended_at is null
    and unixepoch(trim(created.value, '"'), 'subsec') * 1000 <= confirmation.at)`,
  'loose-federation': `select count(*) from fact join entity on entity.id = fact.entity_id and ${THERE}
    where fact.name = 'loose' and fact.gone_at is null`,
  administrator: `select count(distinct entity_id) from policy where language = 'aws-iam' and gone_at is null
    and text like '%"kind":"identity"%' and text like '%"Effect":"Allow","Action":"*","Resource":"*"%'`,
  'trust-without-external-id': `select count(distinct entity_id) from policy where language = 'aws-iam' and gone_at is null
    and text like '%"kind":"trust"%' and text not like '%sts:ExternalId%'`,
  'no-password-needed': factIs('anyPassword', 'true'),
  'weak-password-hash': factIs('passwordKind', '"md5"'),
  'console-password-in-use': `select count(*) from entity join (${fact('accessKeys')}) keys on keys.entity_id = entity.id
    join (${fact('hasConsolePassword')}) has on has.entity_id = entity.id
    join (${fact('passwordLastUsed')}) used on used.entity_id = entity.id
    where ${THERE} and keys.value > '0' and has.value = 'true' and used.value >= ${days(90)}`,
  'third-party-app-everywhere': `select count(*) from entity join (${fact('repositories')}) some on some.entity_id = entity.id
    join (${fact('permissions')}) may on may.entity_id = entity.id where ${THERE} and entity.kind = 'app-installation'
    and some.value = '"all"' and (may.value like '%"secrets":"write"%' or may.value like '%"administration":"write"%'
      or may.value like '%"workflows":"write"%' or may.value like '%"members":"write"%')`,
  'credential-old': `select count(*) from ${USABLE} and created.value < ${days(365)}`,
  'credential-never-expires': `select count(*) from ${USABLE} and (ends.value = '"never"'
    or round(julianday(trim(ends.value, '"')) - julianday(trim(created.value, '"'))) > 730)`,
  unused: `select (select count(*) from ${USABLE} and (used.value = '"never"' and created.value < ${days(30)}
      or used.value <> '"never"' and used.value < ${days(90)}))
    + (select count(*) from entity join (${fact('lastUsed')}) used on used.entity_id = entity.id
      where ${THERE} and entity.type = 'identity' and used.value <> '"never"' and used.value < ${days(90)})`,
  'no-log-covers-use': `select count(*) from ${USABLE} and used.value is null and entity.native not like 'fp:%'
    and (entity.system, entity.instance, entity.kind) not in (select other.system, other.instance, other.kind
      from entity other join fact on fact.entity_id = other.id where other.type = 'credential'
      and fact.name = 'lastUsed' and fact.gone_at is null)`,
  'workloads-share-identity': `select count(*) from (select 1 from edge join entity on entity.id = edge.from_id
    where edge.crossing = 'runs-as' and edge.gone_at is null and entity.type = 'workload' and entity.kind <> 'pod'
    and entity.gone_at is null group by edge.to_id having count(distinct edge.from_id) > 1)`,
  'secret-reused': `select count(*) from ${USABLE} and identity_id is not null and exists (select 1 from credential other
    where other.fingerprint = credential.fingerprint and other.identity_id <> credential.identity_id)`,
  'static-key-beside-federation': `select count(*) from ${USABLE} and identity_id in (select to_id from edge
    where crossing = 'federates-into' and gone_at is null) and (credential.state = 'live' or entity.native not like 'fp:%')`,
  'workload-gone': `select count(*) from (select identity_id from ${USABLE} and identity_id in (
      select to_id from edge join entity user on user.id = edge.from_id
      where crossing in ('runs-as', 'federates-into', 'logs-in-as') and user.type = 'workload'
      group by to_id having min(edge.gone_at is not null or user.gone_at is not null) = 1) group by identity_id)`,
  'archived-action': `select count(*) from entity join fact on fact.entity_id = entity.id and fact.name = 'uses'
    where entity.kind = 'job' and ${THERE} and exists (select 1 from fact a join name n on n.entity_id = a.entity_id
      where a.name = 'archived' and a.value = 'true' and instr(lower(fact.value), lower(n.name)) > 0)`,
  'break-glass-in-workflow': `select count(*) from entity join name on name.entity_id = entity.id
    where ${THERE} and entity.type = 'identity' and (name.name like '%break-glass%' or name.name like '%emergency%')
    and exists (select 1 from edge where edge.to_id = entity.id and edge.crossing = 'runs-as' and edge.gone_at is null)`,
}

/**
 * What no one statement tells, and why: of owners all that speaks for anyone is weighed against all else, and what is required is a
 * file’s rules, by class and environment, which are themselves concluded from names and tags.
 */
const NO_STATEMENT: ReadonlySet<string> = new Set([
  'owner-missing',
  'owner-departed',
  'owner-conflict',
  'requirement-unmet',
  'rotation-overdue',
  'end-passed',
  'store-not-allowed',
  'purpose-drift',
])

function factIs(name: string, value: string): string {
  return `select count(*) from entity join fact on fact.entity_id = entity.id
    where fact.name = '${name}' and fact.value = '${value}' and fact.gone_at is null and ${THERE}`
}

/** A weakness by its id, in whatever it was found: of the few workloads the fact is looked up, of all facts most are others. */
function weakness(id: string): string {
  return `select count(*) from entity cross join fact on fact.entity_id = entity.id and fact.name = 'weaknesses'
    where entity.type = 'workload' and ${THERE} and fact.gone_at is null and fact.value like '%"id":"${id}"%'`
}

export interface Queried {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly statements: number
  /** Checks without one. */
  readonly none: readonly string[]
}

/** One after the other, each by itself, in the process that asks. Each must count what its check counted. */
export function queried(store: string, counts: readonly CheckCounts[]): Queried {
  const db = new DatabaseSync(store, { readOnly: true })
  db.exec('pragma case_sensitive_like=on; pragma cache_size=-16384')
  const asked = counts.filter(({ check }) => !NO_STATEMENT.has(check))
  const [started, before] = [performance.now(), process.cpuUsage()]
  const found = asked.map(({ check }) => {
    const row = db.prepare(QUERIES[check] ?? weakness(check)).get()
    return { check, fails: Number(Object.values(row!)[0]) }
  })
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - started) / 1000
  db.close()
  assert.deepEqual(
    found,
    asked.map(({ check, fails }) => ({ check, fails })),
  )
  return {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    statements: asked.length,
    none: counts.map(({ check }) => check).filter(check => NO_STATEMENT.has(check)),
  }
}
