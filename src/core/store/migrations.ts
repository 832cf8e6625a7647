import { type Kysely, type Migration, sql } from 'kysely'

/**
 * Every change of the schema, oldest first; a released one is never edited. The same statements run on SQLite and on
 * PostgreSQL: `text`, `bigint` and `double precision` mean what is needed on both.
 */
export const migrations: Record<string, Migration> = {
  '0001_spine': { up: spine },
  '0002_copy_facts': { up: copyFacts },
  '0003_copy_reasons': { up: copyReasons },
  '0004_copy_member': { up: copyMember },
  '0005_copy_allowance': { up: copyAllowance },
  '0006_setting': { up: setting },
  '0007_watch': { up: watch },
  '0008_copy_value': { up: copyValue },
  '0009_told': { up: told },
  '0010_credential_access': { up: credentialAccess },
  '0011_edge_ends': { up: edgeEnds },
  '0012_crossing': { up: crossing },
  '0013_confirmation': { up: confirmation },
  '0014_word': { up: word },
  '0015_automation': { up: automation },
  '0016_broker': { up: broker },
  '0017_handed_from': { up: handedFrom },
  '0018_exchange': { up: exchange },
  '0019_approval': { up: approval },
  '0020_key_use': { up: keyUse },
  '0021_lease_held': { up: leaseHeld },
  '0022_notice': { up: notice },
  '0023_automation_notice': { up: automationNotice },
  '0024_found_among_many': { up: foundAmongMany },
  '0025_baseline_mark': { up: baselineMark },
  '0026_baseline_mark_used': { up: baselineMarkUsed },
  '0027_source_disconnected': { up: sourceDisconnected },
  '0028_source_connected': { up: sourceConnected },
}

async function spine(db: Kysely<unknown>): Promise<void> {
  const create = async (statement: string) => {
    await sql.raw(statement).execute(db)
  }

  // Connected systems and scanned paths. The config holds references to secrets, or sealed ones.
  await create(`create table source (
    id text primary key, system text not null, instance text not null, label text not null, config text not null,
    cursor text, created_at bigint not null, observed_at bigint, unique (system, instance, label))`)

  // Everything that has an identity of its own. The key is the system's; names are dated aliases.
  await create(`create table entity (
    id text primary key, type text not null, system text not null, instance text not null, kind text not null,
    native text not null, first_seen bigint not null, last_seen bigint not null, gone_at bigint,
    merged_into text references entity (id), unique (system, instance, kind, native))`)
  await create('create index entity_merged on entity (merged_into)')
  await create(`create table name (
    entity_id text not null references entity (id), name text not null, first_seen bigint not null,
    last_seen bigint not null, primary key (entity_id, name))`)
  await create('create index name_name on name (name)')
  // Which source says that the entity is there: it is gone when none does any more.
  await create(`create table sighting (
    entity_id text not null references entity (id), source_id text not null references source (id),
    last_seen bigint not null, gone_at bigint, primary key (entity_id, source_id))`)
  await create('create index sighting_source on sighting (source_id)')
  await create(`create table fact (
    entity_id text not null references entity (id), name text not null, source_id text not null references source (id),
    value text not null, at bigint, learnt_at bigint not null, primary key (entity_id, name, source_id))`)

  // Why two rows of entity are one thing; undone_at takes it back.
  await create(`create table merge (
    id text primary key, from_id text not null references entity (id), into_id text not null references entity (id),
    reason text not null, at bigint not null, undone_at bigint)`)

  await create(`create table credential (
    entity_id text primary key references entity (id), identity_id text references entity (id), fingerprint text,
    strength_bits bigint, preview text, confidence double precision, state text not null, state_why text, state_at bigint,
    issued_by text)`)
  await create('create index credential_fingerprint on credential (fingerprint)')
  await create('create index credential_identity on credential (identity_id)')

  // One value at one place of one document's content. Which credential it is follows from fingerprint and claim.
  await create(`create table copy (
    id text primary key, source_id text not null references source (id), container_id text not null references entity (id),
    document text not null, path text not null, version text, slots text not null, kind text not null,
    fingerprint text not null, claim_id text references entity (id), confidence double precision not null,
    first_seen bigint not null, last_seen bigint not null, gone_at bigint)`)
  await create('create unique index copy_place on copy (source_id, document, path, fingerprint, slots)')
  await create('create index copy_fingerprint on copy (fingerprint)')
  await create('create index copy_claim on copy (claim_id)')

  // Where a document that holds a copy stands: paths, commits. An empty commit means none.
  await create(`create table occurrence (
    source_id text not null references source (id), document text not null, path text not null, "commit" text not null,
    author text, at bigint, at_head bigint not null, last_seen bigint not null,
    primary key (source_id, document, path, "commit"))`)

  // What was read, by which version of the readers, so that it is read once.
  await create(`create table document (
    source_id text not null references source (id), document text not null, reader text not null, read_at bigint not null,
    primary key (source_id, document))`)

  await create(`create table edge (
    id text primary key, source_id text not null references source (id), from_id text not null references entity (id),
    to_id text not null references entity (id), crossing text not null, certainty text not null, condition text,
    why text not null, first_seen bigint not null, last_seen bigint not null, gone_at bigint,
    unique (source_id, from_id, to_id, crossing))`)
  await create('create index edge_from on edge (from_id)')
  await create('create index edge_to on edge (to_id)')
  await create(`create table owner (
    entity_id text not null references entity (id), owner text not null, source text not null,
    source_id text not null references source (id), weight double precision not null, at bigint, learnt_at bigint not null,
    primary key (entity_id, owner, source))`)
  await create(`create table policy (
    entity_id text not null references entity (id), source_id text not null references source (id), language text not null,
    digest text not null, text text not null, learnt_at bigint not null,
    primary key (entity_id, source_id, language, digest))`)

  // The denominator: what a run looked at, and what it could not.
  await create(`create table coverage (
    id text primary key, source_id text not null references source (id), scope text not null, complete bigint not null,
    why text, at bigint not null, unique (source_id, scope))`)
  await create(`create table finding (
    id text primary key, "check" text not null, entity_id text not null references entity (id), why text not null,
    first_seen bigint not null, last_seen bigint not null, ended_at bigint, unique ("check", entity_id))`)
  await create(`create table hold (
    id text primary key, entity_id text not null references entity (id), run_id text, why text not null, at bigint not null,
    lifted_at bigint)`)

  // The journal. Mutable state; what happened stands in evidence.
  await create(`create table run (
    id text primary key, kind text not null, subject text not null, state text not null, input text not null, result text,
    run_key text, sealed_secret text, claimed_by text, claim_epoch bigint not null, claim_until bigint,
    created_at bigint not null, ended_at bigint)`)
  await create(`create table step (
    run_id text not null references run (id), key text not null, ordinal bigint not null, verb text not null,
    title text not null, args text not null, needs text not null, state text not null, attempts bigint not null,
    before text, result text, sealed_secret text, error text, epoch bigint not null, next_at bigint, started_at bigint,
    ended_at bigint, primary key (run_id, key))`)

  // Append-only. The sealer alone sets seq and hash, once.
  await create(`create table evidence (
    id text primary key, at bigint not null, kind text not null, subject text not null, body text not null, seq bigint unique,
    hash text)`)
  await create('create index evidence_subject on evidence (subject)')
  await create(`create table checkpoint (
    seq bigint primary key, hash text not null, at bigint not null, public_key text not null, signature text not null)`)
}

async function setting(db: Kysely<unknown>): Promise<void> {
  await sql`create table setting (name text primary key, value text not null)`.execute(db)
}

/** A copy within an archive has a path in there too, and what could not be looked into stays told when it is not read again. */
async function copyMember(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `alter table copy add column member text not null default ''`,
    'drop index copy_place',
    'create unique index copy_place on copy (source_id, document, path, member, fingerprint, slots)',
    'alter table document add column gaps text',
  ])
    await sql.raw(statement).execute(db)
}

/** Why a copy is held to be a secret, as surely as it is. */
async function copyReasons(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table copy add column reasons text').execute(db)
}

/** Why a secret may stand where it stands, as someone wrote beside it. */
async function copyAllowance(db: Kysely<unknown>): Promise<void> {
  await sql`alter table copy add column allowance text`.execute(db)
}

/** When each source is observed next, and by whom it is being observed. Copies that came after `baseline_at` are new. */
async function watch(db: Kysely<unknown>): Promise<void> {
  await sql`create table watch (
    source_id text primary key references source (id), next_at bigint not null, failures bigint not null, error text,
    baseline_at bigint, claimed_by text, claim_epoch bigint not null, claim_until bigint)`.execute(db)
}

/** The edges between two things are found at once, however many leave the first. */
async function edgeEnds(db: Kysely<unknown>): Promise<void> {
  await sql.raw('create index edge_ends on edge (from_id, to_id)').execute(db)
  await sql.raw('drop index edge_from').execute(db)
}

/** What a copy says of the credential, beside the value: an object of JSON. */
async function copyFacts(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table copy add column facts text').execute(db)
}

/** Whether a copy says anything new of its value is told by this index alone, however many copies there are. */
async function copyValue(db: Kysely<unknown>): Promise<void> {
  await sql`drop index copy_fingerprint`.execute(db)
  await sql`create index copy_value on copy (fingerprint, claim_id, confidence)`.execute(db)
}

/**
 * What a document tells stands as long as the document does: each statement bears the document that made it, or '' where the
 * system itself was asked.
 */
async function told(db: Kysely<unknown>): Promise<void> {
  const source = 'source_id text not null references source (id)'
  const document = "document text not null default ''"
  const tables = {
    sighting: `entity_id text not null references entity (id), ${source}, last_seen bigint not null, gone_at bigint,
      ${document}, primary key (entity_id, source_id, document)`,
    fact: `entity_id text not null references entity (id), name text not null, ${source}, value text not null, at bigint,
      learnt_at bigint not null, ${document}, gone_at bigint, primary key (entity_id, name, source_id, document)`,
    edge: `id text primary key, ${source}, from_id text not null references entity (id),
      to_id text not null references entity (id), crossing text not null, certainty text not null, condition text,
      why text not null, first_seen bigint not null, last_seen bigint not null, gone_at bigint, ${document},
      unique (source_id, from_id, to_id, crossing, document)`,
    owner: `entity_id text not null references entity (id), owner text not null, source text not null, ${source},
      weight double precision not null, at bigint, learnt_at bigint not null, ${document}, gone_at bigint,
      primary key (entity_id, owner, source, source_id, document)`,
    policy: `entity_id text not null references entity (id), ${source}, language text not null, digest text not null,
      text text not null, learnt_at bigint not null, ${document}, gone_at bigint,
      primary key (entity_id, source_id, language, digest, document)`,
  }
  const kept = {
    sighting: 'entity_id, source_id, last_seen, gone_at',
    fact: 'entity_id, name, source_id, value, at, learnt_at',
    edge: 'id, source_id, from_id, to_id, crossing, certainty, condition, why, first_seen, last_seen, gone_at',
    owner: 'entity_id, owner, source, source_id, weight, at, learnt_at',
    policy: 'entity_id, source_id, language, digest, text, learnt_at',
  }
  // A key cannot be changed in place on SQLite.
  for (const [table, columns] of Object.entries(tables)) {
    const names = kept[table as keyof typeof kept]
    for (const statement of [
      `create table ${table}_told (${columns})`,
      `insert into ${table}_told (${names}) select ${names} from ${table}`,
      `drop table ${table}`,
      `alter table ${table}_told rename to ${table}`,
    ])
      await sql.raw(statement).execute(db)
  }
  for (const statement of [
    'create index edge_from on edge (from_id)',
    'create index edge_to on edge (to_id)',
    'alter table document add column tells bigint not null default 0',
    ...Object.keys(tables).map(table => `create index ${table}_document on ${table} (source_id, document)`),
  ])
    await sql.raw(statement).execute(db)
}

/** What a live credential was seen to open, when it was verified last: a list of JSON. */
async function credentialAccess(db: Kysely<unknown>): Promise<void> {
  await sql.raw('alter table credential add column access text').execute(db)
}

/** The ways that policies make, as they were computed after each observation: policies of before are not kept whole. */
async function crossing(db: Kysely<unknown>): Promise<void> {
  await sql`create table crossing (
    id text primary key, from_id text not null references entity (id), to_id text not null references entity (id),
    crossing text not null, certainty text not null, condition text, why text not null, first_seen bigint not null,
    gone_at bigint)`.execute(db)
}

/** Whose a thing is by a person's word, which outranks what texts say. What was said before stands, ended. */
async function confirmation(db: Kysely<unknown>): Promise<void> {
  await sql`create table confirmation (
    id text primary key, entity_id text not null references entity (id), owner text not null, said_by text not null,
    why text, at bigint not null, ended_at bigint)`.execute(db)
  await sql`create index confirmation_entity on confirmation (entity_id)`.execute(db)
}

/** What a person says of a thing besides whose it is, and the requirements that identities have to meet, with all that were before. */
async function word(db: Kysely<unknown>): Promise<void> {
  await sql`create table word (
    id text primary key, entity_id text not null references entity (id), name text not null, value text not null,
    said_by text not null, why text, at bigint not null, ended_at bigint)`.execute(db)
  await sql`create index word_entity on word (entity_id)`.execute(db)
  await sql`create table requirement (
    id text primary key, text text not null, file text not null, said_by text not null, at bigint not null)`.execute(
    db,
  )
}

/** What is to be done by itself with a thing: when its owner was told, what was said last, and which run did it. */
async function automation(db: Kysely<unknown>): Promise<void> {
  await sql`create table automation (
    id text primary key, entity_id text not null references entity (id), action text not null, announced_at bigint not null,
    next_at bigint not null, told text, run_id text, ended_at bigint)`.execute(db)
  await sql`create index automation_entity on automation (entity_id)`.execute(db)
}

/** What the broker handed out, to whom and until when; what was presented to it once; what it signs with and decides by. */
async function broker(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'alter table step add column not_before bigint',
    `create table lease (
      id text primary key, name text not null, kind text not null, run_id text references run (id),
      entity_id text references entity (id), workload text not null, task text, scopes text not null,
      ttl_seconds bigint not null, handle_digest text not null unique, decision text not null, holder text,
      state text not null, created_at bigint not null, not_after bigint not null, ended_at bigint, ended_why text,
      next_at bigint, failures bigint not null)`,
    'create index lease_state on lease (state, not_after)',
    `create table join_token (
      id text primary key, digest text not null, subject text not null, said_by text not null, created_at bigint not null,
      expires_at bigint not null, used_at bigint)`,
    `create table presented_token (digest text primary key, expires_at bigint not null)`,
    `create table signing_key (
      id text primary key, algorithm text not null, public_key text not null, sealed text not null,
      created_at bigint not null, signs_from bigint not null, gone_at bigint not null)`,
    `create table policy_set (
      id text primary key, version text not null, files text not null, at bigint not null)`,
  ])
    await sql.raw(statement).execute(db)
}

/** Who answered before a person said that another one does: that one may know the secrets still. */
async function handedFrom(db: Kysely<unknown>): Promise<void> {
  await sql`alter table confirmation add column handed_from text`.execute(db)
}

/**
 * Which lease one was exchanged from, and who acts for whom; and which leases are decided again as one. A parent is no foreign
 * key: rows are moved in the order of their ids, and of two in one instant the child's may come first.
 */
async function exchange(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    'alter table lease add column parent_id text',
    'alter table lease add column actors text',
    'alter table lease add column decided_alike text',
    'create index lease_parent on lease (parent_id)',
    'create index lease_alike on lease (state, decided_alike)',
    'create index presented_until on presented_token (expires_at)',
  ])
    await sql.raw(statement).execute(db)
}

/** What waits for a person's word before it is given, and what was given it. */
async function approval(db: Kysely<unknown>): Promise<void> {
  await sql`create table approval (
    id text primary key, lease text not null, issuer text not null, subject text not null, asked text not null,
    asked_at bigint not null, expires_at bigint not null, approved_at bigint, said_by text, used_at bigint)`.execute(
    db,
  )
  await sql`create index approval_lease on approval (lease, expires_at)`.execute(db)
}

/** What each of the broker's keys signs: a key of SPIFFE's tokens signs no other, so that none is taken for one. */
async function keyUse(db: Kysely<unknown>): Promise<void> {
  await sql`alter table signing_key add column signs text not null default 'access-token'`.execute(db)
}

/** Of very many leases few end with a process, and those are looked for every half second. */
async function leaseHeld(db: Kysely<unknown>): Promise<void> {
  await sql`create index lease_held on lease (state) where holder is not null`.execute(db)
}

/** What an owner is to be told, until it was taken; and who answered for each identity when that was looked at last. */
async function notice(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    `create table notice (
      id text primary key, entity_id text not null references entity (id), event text not null, body text not null,
      created_at bigint not null, next_at bigint not null, tries bigint not null, error text, claimed_by text,
      claim_epoch bigint not null, claim_until bigint, sent_at bigint, stuck_at bigint)`,
    'create index notice_due on notice (next_at) where sent_at is null and stuck_at is null',
    `create table answering (
      entity_id text primary key references entity (id), state text not null, party text, called text, at bigint not null)`,
  ])
    await sql.raw(statement).execute(db)
}

/** Which notice tells of what is to be done by itself: it is not done before that was taken. And that it cannot be done. */
async function automationNotice(db: Kysely<unknown>): Promise<void> {
  await sql`alter table automation add column notice_id text`.execute(db)
  await sql`alter table automation add column left_at bigint`.execute(db)
}

/** What few things are told is found without looking at all that is told; and the runs of incidents among those of very many leases. */
async function foundAmongMany(db: Kysely<unknown>): Promise<void> {
  await sql`create index fact_name on fact (name)`.execute(db)
  await sql`create index run_kind on run (kind, state)`.execute(db)
}

/** What stands in a baseline for each value, sealed: to make it takes long. By the fingerprint that is shown. */
async function baselineMark(db: Kysely<unknown>): Promise<void> {
  await sql`create table baseline_mark (
    baseline_id text not null, fingerprint text not null, sealed text not null,
    primary key (baseline_id, fingerprint))`.execute(db)
}

/** When a scan used each last: what none uses any more is forgotten. Those from before are as if long unused. */
async function baselineMarkUsed(db: Kysely<unknown>): Promise<void> {
  await sql`alter table baseline_mark add column used_at bigint not null default 0`.execute(db)
  await sql`create index baseline_mark_used on baseline_mark (used_at)`.execute(db)
}

/** Since when a source is read no more: what it told before keeps its name. */
async function sourceDisconnected(db: Kysely<unknown>): Promise<void> {
  await sql`alter table source add column disconnected_at bigint`.execute(db)
}

/** Since when a source is connected as it is now, where that is known; and how often it was disconnected before. */
async function sourceConnected(db: Kysely<unknown>): Promise<void> {
  await sql`alter table source add column connected_at bigint`.execute(db)
  await sql`alter table source add column epoch bigint not null default 0`.execute(db)
}
