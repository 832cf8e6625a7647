import { z } from 'zod'
import { loadRoots } from '../../../know/inventory/roots.ts'
import { defineCheck, type Judgement } from '../check.ts'

const list = z.union([z.array(z.unknown()), z.unknown().transform(one => [one])])
const policy = z.looseObject({
  kind: z.literal('trust'),
  document: z.looseObject({ Statement: list }),
})
const statement = z.looseObject({
  Effect: z.literal('Allow'),
  Action: list.optional(),
  Principal: z.looseObject({ AWS: list }),
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
})

interface Trust {
  /** Accounts that nobody connected, and that are let in with no external id asked for. */
  readonly open: readonly string[]
  readonly isReadable: boolean
}

/** A role that lets in an account which is none of those known: a vendor’s, who acts for many. */
export const trustWithoutExternalId = defineCheck<Trust>({
  id: 'trust-without-external-id',
  title: 'A third party may be made to use a role for somebody else',
  why: 'The vendor acts for all its customers from one account: without an external id, another customer who knows the role’s ARN can have it used for theirs (the confused deputy).',
  fix: 'Ask the vendor for your external id, and require it in the trust policy: a condition on sts:ExternalId.',
  severity: 'high',
  frameworks: ['NHI3:2025', 'NHI4:2025'],
  async population({ db }) {
    const roots = await loadRoots(db)
    const known = await db
      .selectFrom('entity')
      .select('instance')
      .distinct()
      .where('system', '=', 'aws')
      .where('type', '=', 'identity')
      .execute()
    const own = new Set(known.map(({ instance }) => instance))
    const rows = await db
      .selectFrom('policy')
      .innerJoin('entity', 'entity.id', 'policy.entity_id')
      .select(['policy.entity_id', 'policy.text'])
      .where('policy.language', '=', 'aws-iam')
      .where('policy.text', 'like', '%"kind":"trust"%')
      .where('policy.gone_at', 'is', null)
      .where('entity.gone_at', 'is', null)
      .execute()
    return new Map(
      rows.flatMap(({ entity_id, text }) => {
        const trust = trustOf(JSON.parse(text), own)
        return trust ? [[roots.of(entity_id), trust] as const] : []
      }),
    )
  },
  async find(_, population) {
    return [...population].flatMap(([entityId, { open, isReadable }]): Judgement[] => {
      if (!isReadable) return [{ entityId, outcome: 'unknown', why: 'whom it trusts could not be read' }]
      if (open.length === 0) return []
      const why = `it lets in account ${open.join(', ')}, of nobody who is known, and asks for no external id`
      return [{ entityId, outcome: 'fails', why }]
    })
  },
})

/** Undefined where it lets in nobody from elsewhere. */
function trustOf(given: unknown, own: ReadonlySet<string>): Trust | undefined {
  const { data } = policy.safeParse(given)
  if (!data) return { open: [], isReadable: false }
  const open: string[] = []
  let others = 0
  for (const one of data.document.Statement) {
    const allowed = statement.safeParse(one).data
    if (!allowed) continue
    const accounts = allowed.Principal.AWS.flatMap(
      principal => /^(?:arn:aws[\w-]*:iam::)?(\d{12})(?::|$)/.exec(String(principal))?.[1] ?? [],
    ).filter(account => !own.has(account))
    others += accounts.length
    const asks = Object.entries(allowed.Condition).some(
      ([operator, keys]) =>
        /^StringEquals$/i.test(operator) &&
        Object.keys(keys).some(key => key.toLowerCase() === 'sts:externalid'),
    )
    if (!asks) open.push(...accounts)
  }
  return others === 0 ? undefined : { open: [...new Set(open)].sort(), isReadable: true }
}
