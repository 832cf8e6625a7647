import type { Policy } from '../aws-policy/policy.ts'
import type { Hop } from '../graph.ts'
import { type AwsAccount, type AwsPrincipal, type AwsStore, nameOf, NEW } from './account.ts'
import { best, type May, type Privilege, together } from './privilege.ts'

/** By which calls each kind of thing gives what it holds, takes what is put into it, and lets others in. */
export const USES: Readonly<
  Record<AwsStore['kind'], readonly (readonly [string, string, readonly string[]])[]>
> = {
  secret: [['may-read', 'read', ['secretsmanager:GetSecretValue', 'secretsmanager:BatchGetSecretValue']]],
  parameter: [
    [
      'may-read',
      'read',
      ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:GetParametersByPath', 'ssm:GetParameterHistory'],
    ],
  ],
  function: [
    ['may-read', 'read', ['lambda:GetFunctionConfiguration', 'lambda:GetFunction', 'lambda:ListFunctions']],
  ],
  bucket: [
    ['may-read', 'read', ['s3:GetObject', 's3:GetObjectVersion']],
    ['may-write', 'write', ['s3:PutObject', 's3:DeleteObject']],
    ['may-grant', 'let anyone into', ['s3:PutBucketPolicy']],
  ],
  queue: [
    ['may-read', 'take messages from', ['sqs:ReceiveMessage']],
    ['may-write', 'send messages to', ['sqs:SendMessage']],
    ['may-grant', 'let anyone into', ['sqs:AddPermission', 'sqs:SetQueueAttributes']],
  ],
  topic: [
    ['may-read', 'subscribe to', ['sns:Subscribe']],
    ['may-write', 'publish to', ['sns:Publish']],
    ['may-grant', 'let anyone into', ['sns:AddPermission', 'sns:SetTopicAttributes']],
  ],
}

/**
 * From a principal to what it may read, write and let others into: all that its own account keeps, and of other accounts
 * what has a policy by which it might be let in. What stands in it follows from there.
 */
export function readingHops(
  accounts: readonly AwsAccount[],
  account: AwsAccount,
  privilege: Privilege,
): Hop[] {
  return accounts.flatMap(owner =>
    owner.stores.flatMap(store => {
      if (owner !== account && !store.policy) return []
      return USES[store.kind].flatMap(([crossing, verb, actions]) => {
        const [action, may] = mayUse(actions, store, privilege, owner === account ? undefined : owner)
        return may.truth === 'no' ? [] : [hopTo(store, privilege.actor, { crossing, verb, action, may })]
      })
    }),
  )
}

function mayUse(
  actions: readonly string[],
  store: AwsStore,
  privilege: Privilege,
  owner: AwsAccount | undefined,
): [string, May] {
  let found: [string, May] = ['', { truth: 'no', conditions: [] }]
  for (const action of actions) {
    const isSilent = privilege.isSilentOn(action)
    // Of another account's, both policies must allow it.
    if (isSilent && (owner || !store.policy)) continue
    const asked = { resourcePolicy: store.policy, ...(owner && { owner }) }
    const may = best(
      objectsOf(store, action, privilege.actor.policies).map(arn => privilege.on(action, arn, asked)),
    )
    if (may.truth === 'yes') return [action, together([may, decrypts(store)])]
    if (may.truth === 'unknown' && found[1].truth === 'no') found = [action, together([may, decrypts(store)])]
  }
  return found
}

/** In a bucket it is the objects that are read: one of any name, and those that policies speak of. */
export function objectsOf(store: AwsStore, action: string, own: readonly Policy[]): string[] {
  if (store.kind !== 'bucket' || action === 's3:PutBucketPolicy') return [store.arn]
  const inside = `${store.arn}/`
  const spokenOf = [...own, ...(store.policy ? [store.policy] : [])]
    .flatMap(({ statements }) => statements)
    .filter(({ effect, resources }) => effect === 'Allow' && resources?.not === false)
    .flatMap(({ resources }) => resources!.patterns)
    .filter(pattern => pattern.startsWith(inside) && !pattern.includes('${'))
    .map(pattern => pattern.replaceAll('*', NEW).replaceAll('?', 'x'))
  return [...new Set([`${inside}${NEW}`, ...spokenOf])]
}

/** The policy of a key decides by itself, and no export has it. */
function decrypts({ kmsKey }: AwsStore): May {
  if (kmsKey === undefined) return { truth: 'yes', conditions: [] }
  return { truth: 'unknown', conditions: [`the key ${kmsKey} lets it decrypt`] }
}

function hopTo(
  store: AwsStore,
  actor: AwsPrincipal,
  { crossing, verb, action, may }: { crossing: string; verb: string; action: string; may: May },
): Hop {
  const subject = actor.kind === 'group' ? `a member of ${nameOf(actor.arn)}` : nameOf(actor.arn)
  return {
    from: actor.id,
    to: store.id,
    crossing,
    certainty: may.truth === 'yes' ? 'proven' : 'conditional',
    ...(may.truth !== 'yes' && { condition: may.conditions.join('; ').replace(/^if /, '') }),
    why: `${subject} may ${verb} ${nameOf(store.arn)} (${action})`,
  }
}
