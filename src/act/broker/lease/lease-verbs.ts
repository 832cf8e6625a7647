import type { CredentialRef, Json, Ref } from '../../../core/contract/ref.ts'
import { entityByRef } from '../../../know/inventory/queries.ts'
import { toJson } from '../../actions/arguments.ts'
import type { PlannedStep, StepContext, StepHandler } from '../../actions/step.ts'
import { verbs } from '../../actions/verbs/all.ts'

/** What a lease is planned as: one credential, and its end, which is planned with it and only has to be carried out. */
export function leaseSteps(lease: {
  readonly sourceId: string
  readonly like: CredentialRef
  readonly label: string
  readonly name: string
  readonly ttlSeconds: number
  readonly scopes: readonly string[]
  /** What the system may keep beside what it issues. */
  readonly labels: Readonly<Record<string, string>>
  readonly notAfter: number
}): PlannedStep[] {
  const { sourceId, like, label, name, ttlSeconds, scopes, labels, notAfter } = lease
  const of = { sourceId, from: 'issue' }
  return [
    {
      key: 'issue',
      verb: 'issue',
      title: `issue a credential like ${label} for ${name}`,
      needs: [],
      args: { sourceId, credential: toJson(like), ttlSeconds, scopes: [...scopes], labels: { ...labels } },
    },
    {
      key: 'revoke',
      verb: 'revoke-issued',
      title: `revoke what was issued for ${name}`,
      needs: ['issue'],
      args: of,
      notBefore: notAfter,
    },
    {
      key: 'end-sessions',
      verb: 'end-issued-sessions',
      title: `end the sessions of what was issued for ${name}`,
      needs: ['revoke'],
      args: of,
    },
    {
      key: 'prove',
      verb: 'prove-issued',
      title: `prove that what was issued for ${name} is dead`,
      needs: ['end-sessions'],
      args: { ...of, redo: ['revoke', 'end-sessions'] },
    },
  ]
}

/** The steps of a lease. They are those of a containment, done to what the lease's own first step issued. */
export const leaseVerbs: Readonly<Record<string, StepHandler>> = {
  issue: verbs['issue']!,
  'revoke-issued': onIssued(verbs['revoke']!),
  'end-issued-sessions': onIssued(verbs['end-sessions']!),
  'prove-issued': onIssued(verbs['prove']!),
}

/** Where nobody waits for the credential any more: what an attempt left is undone first, and none is made instead. */
export const forsakenLeaseVerbs: Readonly<Record<string, StepHandler>> = {
  ...leaseVerbs,
  issue: {
    ...leaseVerbs['issue']!,
    call: async () => ({ result: null, skipped: 'nobody waits for it any more' }),
  },
}

function onIssued(handler: StepHandler): StepHandler {
  const { inspect, call, verify, settle } = handler
  return {
    ...(inspect && {
      inspect: async step => {
        const issued = await issuedBy(step)
        return issued ? await inspect(issued) : null
      },
    }),
    async call(step) {
      const issued = await issuedBy(step)
      return issued ? await call(issued) : { result: null, skipped: 'nothing was issued' }
    },
    ...(verify && {
      verify: async (step, outcome) => {
        const issued = await issuedBy(step)
        return issued ? await verify(issued, outcome) : outcome.result
      },
    }),
    ...(settle && {
      settle: async (step, result) => {
        const issued = await issuedBy(step)
        return issued ? await settle(issued, result) : async () => {}
      },
    }),
  }
}

/** The step as one about what `args.from` issued, its value with it, so that its death is tried and not believed. */
async function issuedBy(step: StepContext): Promise<StepContext | undefined> {
  const from = String(step.args['from'])
  const result = (await step.resultOf(from)) as { credential?: Json } | null
  if (!result?.credential) return undefined
  const credential = result.credential as unknown as CredentialRef
  // What is like another lives on in that one's identity: the sessions of others are not this one's.
  const isAlone = (await step.connection()).endsAlone?.includes(credential.kind) === true
  const entity = await entityByRef(step.db, 'credential', credential)
  return {
    ...step,
    args: {
      ...step.args,
      credential: result.credential,
      identity: toJson((isAlone ? credential : (credential.identity ?? credential)) as Ref),
      credentialId: entity?.id ?? '',
    },
    exposedSecret: () => step.secretOf(from),
  }
}
