import type { Io } from '../../core/contract/io.ts'
import type { Json } from '../../core/contract/ref.ts'
import { record } from '../../core/evidence/evidence.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { lockedRun, stepsOf } from '../actions/journal.ts'
import type { Incident } from './incident.ts'
import { plan } from './plan.ts'

/**
 * Makes an open graceful run an emergency: what is left of it waits for no more than in a plan for one, so that a place
 * that cannot be written, or a consumer that does not move, no longer keeps the credential alive.
 */
export async function escalate(db: Db, io: Pick<Io, 'now' | 'random'>, runId: string): Promise<void> {
  await transaction(db, async tx => {
    const run = await lockedRun(tx, runId)
    if (!run) return
    const input = JSON.parse(run.input) as { incident: Incident }
    if (input.incident.mode === 'emergency') return
    const incident: Incident = { ...input.incident, mode: 'emergency' }
    const { steps, breaks } = plan(incident)
    const changed: { [key: string]: Json } = {}
    for (const { key, state } of await stepsOf(tx, runId)) {
      const needs = steps.find(step => step.key === key)?.needs
      if (!needs || state === 'verified' || state === 'skipped') continue
      changed[key] = [...needs]
      await tx
        .updateTable('step')
        .set({ needs: JSON.stringify(needs) })
        .where('run_id', '=', runId)
        .where('key', '=', key)
        .execute()
    }
    await tx
      .updateTable('run')
      .set({ input: JSON.stringify({ ...input, incident, breaks }) })
      .where('id', '=', runId)
      .execute()
    await record(tx, io, { kind: 'run.escalated', subject: runId, body: { needs: changed } })
  })
}
