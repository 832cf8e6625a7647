import { z } from 'zod'
import { canonicalJson } from '../../core/contract/canonical-json.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Observation } from '../../core/contract/observation.ts'
import { type Account, refIn } from './account.ts'

const named = z.looseObject({
  Statement: z
    .union([z.array(z.unknown()), z.unknown().transform(one => [one])])
    .pipe(z.array(z.looseObject({ Principal: z.record(z.string(), z.unknown()).optional() }).catch({}))),
})

/** The policy of a resource, and the other accounts that it lets in, of which nothing else need be known. */
export function* policyWithAccounts(
  account: Pick<Account, 'instance'>,
  kind: string,
  id: string,
  document: string | null | undefined,
): Generator<Observation> {
  yield policyOn(account, kind, id, document)
  for (const number of accountsIn(document ?? ''))
    if (number !== account.instance)
      yield {
        see: 'resource',
        ref: { system: 'aws', instance: number, kind: 'account', id: number },
        names: [`AWS account ${number}`],
        facts: {},
      }
}

function accountsIn(document: string): Set<string> {
  try {
    const { Statement } = named.parse(JSON.parse(document))
    const principals = Statement.flatMap(({ Principal }) => [Principal?.['AWS']].flat())
    const numbers = principals.map(it => /^(?:arn:[^:]*:(?:iam|sts)::)?(\d{12})(?::|$)/.exec(String(it))?.[1])
    return new Set(numbers.filter(it => it !== undefined))
  } catch {
    return new Set()
  }
}

/** The policy of a resource. `document` is null where there is none, and undefined where that is not known. */
function policyOn(
  account: Pick<Account, 'instance'>,
  kind: string,
  id: string,
  document: string | null | undefined,
): Observation {
  const said =
    document === null
      ? { kind: 'none', name: '', document: null }
      : { kind: 'resource', name: 'resource policy', document: document ?? null }
  return { see: 'policy', on: refIn(account, kind, id), language: 'aws-iam', text: canonicalJson(said) }
}

/** Where a server lacks a call or a right to it, the fact is not known. */
export function unsupported(error: unknown): null {
  if (isFirebreakError(error, 'UNSUPPORTED', 'DENIED')) return null
  throw error
}
