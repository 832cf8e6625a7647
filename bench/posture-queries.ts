import { DatabaseSync } from 'node:sqlite'
import { NOW } from './posture-estate.ts'

const DAY_MS = 86_400_000
const days = (count: number) => new Date(NOW - count * DAY_MS).toISOString()
/** An identity or a credential that stands. */
const THERE = 'entity.gone_at is null and entity.merged_into is null'

/**
 * How many fail, asked of the store by one statement for each check: what it costs to find out at the least, without a reason, a
 * merge, an owner by anything but a tag, or a finding that is kept. Weaknesses have one statement each by their id.
 */
const QUERIES: Readonly<Record<string, string>> = {
  'copy-outside-approved-store': `select count(distinct copy.fingerprint) from copy join watch using (source_id)
    where copy.gone_at is null and copy.first_seen > watch.baseline_at`,
  'copies-in-several-places': `select count(*) from (select fingerprint || '' from copy where gone_at is null
    group by fingerprint || '' having count(distinct source_id || path || member) > 2)`,
  'loose-federation': `select count(*) from fact where name = 'loose' and gone_at is null`,
  'owner-missing': `select count(*) from entity where type = 'identity' and ${THERE}
    and not exists (select 1 from owner where owner.entity_id = entity.id)`,
  administrator: `select count(*) from policy where language = 'aws-iam' and text like '%"Action":"*"%'`,
  'no-password-needed': factIs('anyPassword', 'true'),
  'weak-password-hash': factIs('passwordKind', '"md5"'),
  'console-password-in-use': `select count(*) from entity join fact on fact.entity_id = entity.id
    where fact.name = 'passwordLastUsed' and fact.value > '"${days(90)}' and ${THERE}`,
  'third-party-app-everywhere': `select count(*) from entity
    join fact a on a.entity_id = entity.id and a.name = 'repositories' and a.value = '"all"'
    join fact b on b.entity_id = entity.id and b.name = 'permissions' and b.value like '%"secrets":"write"%' where ${THERE}`,
  'credential-old': `select count(*) from entity join fact on fact.entity_id = entity.id
    where entity.type = 'credential' and fact.name = 'created' and fact.value < '"${days(365)}' and ${THERE}`,
  'credential-never-expires': factIs('expires', '"never"'),
  unused: `select count(*) from entity join fact on fact.entity_id = entity.id
    where fact.name = 'lastUsed' and (fact.value = '"never"' or fact.value < '"${days(90)}') and ${THERE}`,
}

function factIs(name: string, value: string): string {
  return `select count(*) from entity join fact on fact.entity_id = entity.id
    where fact.name = '${name}' and fact.value = '${value}' and ${THERE}`
}

/** One after the other, each by itself, in the process that asks. */
export function queried(store: string, checks: readonly string[]): { seconds: number; cpuSeconds: number } {
  const db = new DatabaseSync(store, { readOnly: true })
  db.exec('pragma case_sensitive_like=on; pragma cache_size=-16384')
  const [started, before] = [performance.now(), process.cpuUsage()]
  for (const check of checks)
    db.prepare(
      QUERIES[check] ??
        `select count(*) from fact where name = 'weaknesses' and value like '%"id":"${check}"%' and gone_at is null`,
    ).get()
  const { user, system } = process.cpuUsage(before)
  db.close()
  return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
}
