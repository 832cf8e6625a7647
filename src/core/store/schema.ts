import type { Generated, Insertable, Selectable } from 'kysely'
import type {
  ApprovalTable,
  JoinTokenTable,
  LeaseTable,
  PolicySetTable,
  PresentedTokenTable,
  SigningKeyTable,
} from './broker-tables.ts'

/**
 * The tables, as the code reads and writes them. Portable: integers for time (epoch ms) and booleans (0 or 1), text for
 * JSON. `id` columns are UUID version 7, so that they sort by time. What each table is for stands in migrations.ts.
 */
export interface Schema {
  source: SourceTable
  entity: EntityTable
  name: NameTable
  fact: FactTable
  sighting: SightingTable
  merge: MergeTable
  credential: CredentialTable
  copy: CopyTable
  occurrence: OccurrenceTable
  document: DocumentTable
  edge: EdgeTable
  owner: OwnerTable
  policy: PolicyTable
  coverage: CoverageTable
  finding: FindingTable
  hold: HoldTable
  run: RunTable
  step: StepTable
  evidence: EvidenceTable
  checkpoint: CheckpointTable
  setting: SettingTable
  watch: WatchTable
  crossing: CrossingTable
  confirmation: ConfirmationTable
  word: WordTable
  requirement: RequirementTable
  automation: AutomationTable
  notice: NoticeTable
  answering: AnsweringTable
  lease: LeaseTable
  join_token: JoinTokenTable
  presented_token: PresentedTokenTable
  signing_key: SigningKeyTable
  policy_set: PolicySetTable
  approval: ApprovalTable
  baseline_mark: BaselineMarkTable
}

/** What tells the rows of each table apart; each table stands after those that it refers to. */
export const PRIMARY_KEYS = {
  setting: ['name'],
  source: ['id'],
  entity: ['id'],
  name: ['entity_id', 'name'],
  fact: ['entity_id', 'name', 'source_id', 'document'],
  sighting: ['entity_id', 'source_id', 'document'],
  merge: ['id'],
  credential: ['entity_id'],
  copy: ['id'],
  occurrence: ['source_id', 'document', 'path', 'commit'],
  document: ['source_id', 'document'],
  edge: ['id'],
  owner: ['entity_id', 'owner', 'source', 'source_id', 'document'],
  policy: ['entity_id', 'source_id', 'language', 'digest', 'document'],
  coverage: ['id'],
  finding: ['id'],
  hold: ['id'],
  run: ['id'],
  step: ['run_id', 'key'],
  evidence: ['id'],
  checkpoint: ['seq'],
  watch: ['source_id'],
  crossing: ['id'],
  confirmation: ['id'],
  word: ['id'],
  requirement: ['id'],
  automation: ['id'],
  notice: ['id'],
  answering: ['entity_id'],
  lease: ['id'],
  join_token: ['id'],
  presented_token: ['digest'],
  signing_key: ['id'],
  policy_set: ['id'],
  approval: ['id'],
  baseline_mark: ['baseline_id', 'fingerprint'],
} as const satisfies { [Table in keyof Schema]: readonly (keyof Schema[Table])[] }

export const TABLE_NAMES = Object.keys(PRIMARY_KEYS) as (keyof Schema)[]

export interface SourceTable {
  id: string
  system: string
  instance: string
  label: string
  /** JSON; secrets in it are `{ "$secret": "env:NAME" | "file:PATH" }` or `{ "$sealed": "…" }`. */
  config: string
  cursor: string | null
  created_at: number
  observed_at: number | null
  /** It is a source no more, and told of what is history; connected again, it is null again. */
  disconnected_at: Generated<number | null>
  /** Since when it is connected as it is now: what it may be used for can be other than at its last look. */
  connected_at: Generated<number | null>
  /** How often it was disconnected: whoever began to read it before writes nothing more. */
  epoch: Generated<number>
}

export interface EntityTable {
  id: string
  /** One thing has one row: said to be several, it is the first of credential, identity, workload, resource. */
  type: 'identity' | 'resource' | 'workload' | 'credential'
  system: string
  instance: string
  kind: string
  native: string
  first_seen: number
  last_seen: number
  gone_at: number | null
  /** Follow it to the entity that this one was found to be. Set and cleared by rows of `merge` only. */
  merged_into: string | null
}

export interface NameTable {
  entity_id: string
  name: string
  first_seen: number
  last_seen: number
}

export interface SightingTable {
  entity_id: string
  source_id: string
  /** The document that tells of it; empty where the system itself was asked. So with facts, edges, owners and policies. */
  document: Generated<string>
  last_seen: number
  gone_at: number | null
}

export interface FactTable {
  entity_id: string
  name: string
  source_id: string
  document: Generated<string>
  value: string
  at: number | null
  learnt_at: number
  gone_at: Generated<number | null>
}

export interface MergeTable {
  id: string
  from_id: string
  into_id: string
  reason: string
  at: number
  undone_at: number | null
}

export interface CredentialTable {
  entity_id: string
  identity_id: string | null
  fingerprint: string | null
  strength_bits: number | null
  preview: string | null
  confidence: number | null
  state: 'live' | 'dead' | 'unknown'
  state_why: string | null
  state_at: number | null
  /** A JSON list of what it opened when it was last seen live. */
  access: string | null
  /** The run that issued it, if Firebreak did. */
  issued_by: string | null
}

export interface CopyTable {
  id: string
  source_id: string
  container_id: string
  document: string
  path: string
  /** The path within the document, where that is an archive; else empty. */
  member: string
  version: string | null
  slots: string
  kind: string
  fingerprint: string
  claim_id: string | null
  confidence: number
  /** A JSON list of phrases. */
  reasons: string | null
  /** The reason given in the document for its standing there; empty where a mark gives none. */
  allowance: string | null
  facts: string | null
  first_seen: number
  last_seen: number
  gone_at: number | null
}

export interface OccurrenceTable {
  source_id: string
  document: string
  path: string
  commit: string
  author: string | null
  at: number | null
  at_head: number
  last_seen: number
}

export interface DocumentTable {
  source_id: string
  document: string
  reader: string
  read_at: number
  /** JSON: the members of an archive that could not be looked into, `[{ member, why }]`. */
  gaps: string | null
  /** 1 where it tells of other things than copies. */
  tells: Generated<number>
}

export interface EdgeTable {
  id: string
  source_id: string
  document: Generated<string>
  from_id: string
  to_id: string
  crossing: string
  certainty: 'proven' | 'conditional' | 'potential'
  condition: string | null
  why: string
  first_seen: number
  last_seen: number
  gone_at: number | null
}

export interface OwnerTable {
  entity_id: string
  owner: string
  source: string
  source_id: string
  document: Generated<string>
  weight: number
  at: number | null
  learnt_at: number
  gone_at: Generated<number | null>
}

export interface PolicyTable {
  entity_id: string
  source_id: string
  language: string
  /** SHA-256 of the text, in hex: one thing may bear several policies. */
  digest: string
  document: Generated<string>
  text: string
  learnt_at: number
  gone_at: Generated<number | null>
}

export interface CoverageTable {
  id: string
  source_id: string
  scope: string
  complete: number
  why: string | null
  at: number
}

export interface FindingTable {
  id: string
  check: string
  entity_id: string
  why: string
  first_seen: number
  last_seen: number
  ended_at: number | null
}

export interface HoldTable {
  id: string
  entity_id: string
  run_id: string | null
  why: string
  at: number
  lifted_at: number | null
}

export type RunState = 'running' | 'stuck' | 'done' | 'abandoned'

export interface RunTable {
  id: string
  kind: string
  subject: string
  state: RunState
  input: string
  result: string | null
  /** A random key of this run, sealed by the root key; erased when the run ends, and with it all sealed under it. */
  run_key: string | null
  sealed_secret: string | null
  claimed_by: string | null
  claim_epoch: number
  claim_until: number | null
  created_at: number
  ended_at: number | null
}

/**
 * pending → intent → called → verified, or skipped (nothing to do), undone (taken back) or stuck (seen, retried).
 * Between intent and called the outside may have changed.
 */
export type StepState = 'pending' | 'intent' | 'called' | 'verified' | 'skipped' | 'undone' | 'stuck'

export interface StepTable {
  run_id: string
  key: string
  ordinal: number
  verb: string
  title: string
  args: string
  needs: string
  state: StepState
  attempts: number
  before: string | null
  result: string | null
  sealed_secret: string | null
  error: string | null
  epoch: number
  next_at: number | null
  /** It is not begun before, and the run is put down until then. */
  not_before: number | null
  started_at: number | null
  ended_at: number | null
}

export interface EvidenceTable {
  id: string
  at: number
  kind: string
  subject: string
  body: string
  seq: number | null
  hash: string | null
}

export interface CheckpointTable {
  seq: number
  hash: string
  at: number
  public_key: string
  signature: string
}

/** What the store knows of itself. `public_key`: whose evidence and fingerprints these are. `moved_to`: where all of it is now. `spiffe_bundle`: how often our own trust domain's bundle changed. */
export interface SettingTable {
  name: 'public_key' | 'moved_to' | 'spiffe_bundle'
  value: string
}

export interface WatchTable {
  source_id: string
  next_at: number
  /** In a row. */
  failures: number
  error: string | null
  /** The stamp of the first run to the end that is known: what was first seen later is new. */
  baseline_at: number | null
  claimed_by: string | null
  claim_epoch: number
  claim_until: number | null
}

/** A way that was computed from policies; one that changes ends, and begins anew. */
export interface CrossingTable {
  id: string
  from_id: string
  to_id: string
  crossing: string
  certainty: 'proven' | 'conditional' | 'potential'
  condition: string | null
  why: string
  first_seen: number
  gone_at: number | null
}

/** A person's word for whose a thing is. One stands for each; those before are ended. */
export interface ConfirmationTable {
  id: string
  entity_id: string
  owner: string
  said_by: string
  why: string | null
  /** Who answered for it before, where that was another one. */
  handed_from: string | null
  at: number
  ended_at: number | null
}

/** A person's word for something else of a thing: its class, what it is for. One stands for each name. */
export interface WordTable {
  id: string
  entity_id: string
  name: string
  value: string
  said_by: string
  why: string | null
  at: number
  ended_at: number | null
}

/** Files of requirements as they were taken in; the latest is in force. */
export interface RequirementTable {
  id: string
  text: string
  file: string
  said_by: string
  at: number
}

/** One that has not ended stands for each thing and action. */
export interface AutomationTable {
  id: string
  entity_id: string
  action: 'rotate' | 'expire' | 'suspend'
  /** When its owner was told that it will be; with a notice, when that was written down. */
  announced_at: number
  /** What is sent of it, where the requirements say where to. */
  notice_id: string | null
  /** Since when it is known that it cannot be done there: nothing was announced then. */
  left_at: number | null
  /** Not looked at again before. */
  next_at: number
  /** What was said last: why it is left alone, or what it came to. */
  told: string | null
  run_id: string | null
  ended_at: number | null
}

export interface NoticeTable {
  /** Of the delivery: the same however often it is tried. */
  id: string
  entity_id: string
  event:
    | 'rotate-announced'
    | 'expire-announced'
    | 'suspend-announced'
    | 'suspended'
    | 'resumed'
    | 'owner-changed'
    | 'owner-departed'
    | 'owner-lost'
  /** JSON, as it is signed and sent. */
  body: string
  created_at: number
  /** Not tried again before. */
  next_at: number
  tries: number
  error: string | null
  claimed_by: string | null
  claim_epoch: number
  claim_until: number | null
  sent_at: number | null
  /** It was tried too often, and is not tried any more. */
  stuck_at: number | null
}

export interface AnsweringTable {
  entity_id: string
  state: 'answers' | 'departed' | 'orphan'
  /** The key of who answers, or of who left; and what people call them. */
  party: string | null
  called: string | null
  at: number
}

export interface BaselineMarkTable {
  baseline_id: string
  /** The one that is shown, not the one that `copy` has. */
  fingerprint: string
  sealed: string
  /** When a scan needed it last, to about a day. */
  used_at: number
}

export type Row<Table extends keyof Schema> = Selectable<Schema[Table]>
export type NewRow<Table extends keyof Schema> = Insertable<Schema[Table]>
