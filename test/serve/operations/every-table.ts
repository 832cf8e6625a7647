import { realIo } from '../../../src/core/contract/io.ts'
import { record } from '../../../src/core/evidence/evidence.ts'
import { sealEvidence } from '../../../src/core/evidence/sealer.ts'
import { reopen } from '../../../src/core/store/moved.ts'
import { type Db, transaction } from '../../../src/core/store/store.ts'
import { mergeIdentities } from '../../../src/know/inventory/link.ts'
import { entityByRef } from '../../../src/know/inventory/queries.ts'
import { enrol } from '../../../src/know/observe/schedule.ts'
import { move } from '../../../src/serve/operations/migrate.ts'
import { claim, openEstate, role, sawCopy, sawInstance, sawRole, testKeys } from '../../know/estate.ts'

const io = realIo()
const world = { io, keys: testKeys }

const ODD = ['\0', 'a\0\u0001\u0002b', '', '🙂', '\'"\\', 'é'.normalize('NFD'), 'x'.repeat(9000), '?\0app']

/** Every table has rows, with whatever a text may hold. */
export async function fill(db: Db): Promise<void> {
  const estate = await openEstate()
  const source = await estate.source()
  await estate.fold(source, [
    sawInstance(['db:5432']),
    sawRole('1', ['app', ...ODD]),
    sawRole('2', ['later']),
    ...ODD.map((text, n) =>
      sawCopy({ value: `v${n}`, path: `${n}${text}`, claims: claim('db:5432', `app${text}`) }),
    ),
    sawCopy({ value: 'v', path: 'a', claims: claim('db:5432', 'app') }),
    { see: 'occurrence', document: 'd', path: ODD[1]!, at: 8.64e15, author: ODD[3]!, atHead: true },
    { see: 'edge', from: role('1'), to: role('2'), crossing: 'member', certainty: 'proven', why: ODD[1]! },
    { see: 'owner', of: role('1'), owner: ODD[1]!, source: 'x', weight: 0.1 + 0.2 },
    { see: 'policy', on: role('1'), language: 'sql', text: ODD[1]! },
    { see: 'covered', scope: ODD[1]!, complete: false, why: ODD[3]! },
    { see: 'identity', ref: role('2'), names: [], facts: { odd: { value: ODD }, createdAt: { value: 1 } } },
    { see: 'identity', ref: role('2'), names: [], facts: { createdAt: { value: 2 } } },
  ])
  // One that stands for another that came before it, and one that stands for one that came after.
  const [one, two] = await Promise.all(['1', '2'].map(id => entityByRef(estate.db, 'identity', role(id))))
  await transaction(estate.db, tx => mergeIdentities(tx, io, one!.id, two!.id, 'ann says so'))
  await estate.db
    .insertInto('document')
    .values({ source_id: source.id, document: 'd', reader: 'r', read_at: 1 })
    .execute()
  await estate.db
    .insertInto('hold')
    .values({ id: 'h', entity_id: one!.id, run_id: null, why: ODD[1]!, at: 1, lifted_at: null })
    .execute()
  await estate.db
    .insertInto('crossing')
    .values({
      id: 'c',
      from_id: one!.id,
      to_id: two!.id,
      crossing: 'aws',
      certainty: 'conditional',
      condition: ODD[3]!,
      why: ODD[1]!,
      first_seen: 1,
      gone_at: 8.64e15,
    })
    .execute()
  await estate.db
    .insertInto('word')
    .values({
      id: 'o',
      entity_id: two!.id,
      name: 'purpose',
      value: ODD[1]!,
      said_by: 'ann',
      why: null,
      at: 1,
      ended_at: null,
    })
    .execute()
  await estate.db
    .insertInto('notice')
    .values({
      id: 'n',
      entity_id: two!.id,
      event: 'owner-changed',
      body: ODD[1]!,
      created_at: 1,
      next_at: 2,
      tries: 3,
      error: ODD[0]!,
      claimed_by: null,
      claim_epoch: 1,
      claim_until: null,
      sent_at: null,
      stuck_at: 4,
    })
    .execute()
  await estate.db
    .insertInto('answering')
    .values({ entity_id: two!.id, state: 'answers', party: ODD[0]!, called: ODD[1]!, at: 1 })
    .execute()
  await estate.db
    .insertInto('automation')
    .values({
      id: 'a',
      entity_id: two!.id,
      action: 'rotate',
      announced_at: 1,
      next_at: 2,
      told: ODD[1]!,
      run_id: null,
      ended_at: null,
    })
    .execute()
  await estate.db
    .insertInto('requirement')
    .values({ id: 'r', text: ODD[1]!, file: 'requirements.yaml', said_by: 'ann', at: 1 })
    .execute()
  await estate.db
    .insertInto('confirmation')
    .values({
      id: 'w',
      entity_id: two!.id,
      owner: ODD[1]!,
      said_by: ODD[3]!,
      why: null,
      at: 1,
      ended_at: 8.64e15,
    })
    .execute()
  await estate.db
    .insertInto('run')
    .values({
      id: 'r',
      kind: 'k',
      subject: '',
      state: 'stuck',
      input: '{}',
      result: null,
      run_key: ODD[1]!,
      sealed_secret: null,
      claimed_by: null,
      claim_epoch: Number.MAX_SAFE_INTEGER,
      claim_until: null,
      created_at: 0,
      ended_at: null,
    })
    .execute()
  await estate.db
    .insertInto('step')
    .values({
      run_id: 'r',
      key: ODD[6]!,
      ordinal: 0,
      verb: 'v',
      title: ODD[1]!,
      args: '{}',
      needs: '[]',
      state: 'stuck',
      attempts: 1,
      before: null,
      result: null,
      sealed_secret: null,
      error: ODD[1]!,
      epoch: 0,
      next_at: null,
      started_at: null,
      ended_at: null,
    })
    .execute()
  await fillBroker(estate.db, two!.id)
  for (let n = 0; n < 700; n++)
    await transaction(estate.db, tx =>
      record(tx, io, { kind: 'k', subject: `s${n}`, body: { n, odd: ODD[n % 4]! } }),
    )
  await enrol(estate.db, io)
  await sealEvidence(estate.db, testKeys.signer, io)
  // By the code under test itself, from a store to another of the same engine.
  await move(estate.db, db, 'here', world)
  await transaction(estate.db, tx => reopen(tx))
}

async function fillBroker(db: Db, entityId: string): Promise<void> {
  await db
    .insertInto('lease')
    .values({
      id: 'l',
      name: ODD[1]!,
      kind: 'credential',
      run_id: 'r',
      entity_id: entityId,
      workload: ODD[3]!,
      task: ODD[1]!,
      scopes: '[]',
      ttl_seconds: 1,
      handle_digest: 'd',
      decision: '{}',
      holder: null,
      state: 'ending',
      created_at: 1,
      not_after: 8.64e15,
      ended_at: null,
      ended_why: ODD[1]!,
      next_at: 2,
      failures: 3,
    })
    .execute()
  const token = { id: 'j', digest: 'd', subject: ODD[1]!, said_by: 'ann', created_at: 1, expires_at: 2 }
  await db
    .insertInto('join_token')
    .values({ ...token, used_at: null })
    .execute()
  await db.insertInto('presented_token').values({ digest: 'd', expires_at: 2 }).execute()
  const key = {
    id: 's',
    algorithm: 'EdDSA' as const,
    signs: 'jwt-svid' as const,
    public_key: '{}',
    sealed: ODD[1]!,
  }
  await db
    .insertInto('signing_key')
    .values({ ...key, created_at: 1, signs_from: 2, gone_at: 3 })
    .execute()
  await db.insertInto('policy_set').values({ id: 'p', version: 'v', files: ODD[3]!, at: 1 }).execute()
  const asked = { lease: 'api', issuer: 'local', subject: ODD[3]!, asked: '{}', asked_at: 1, expires_at: 2 }
  await db
    .insertInto('approval')
    .values({ id: 'a', ...asked, approved_at: null, said_by: null, used_at: null })
    .execute()
  await db
    .insertInto('baseline_mark')
    .values({ baseline_id: 'known', fingerprint: 'fp_1', sealed: '…', used_at: 1 })
    .execute()
}
