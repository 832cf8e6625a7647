import type { Hop } from '../graph.ts'
import { type AwsAccount, type AwsPrincipal, type AwsStore, nameOf } from './account.ts'
import { type May, type Privilege, together } from './privilege.ts'

/** By which call each kind of thing gives what it holds. */
const READS: Readonly<Record<AwsStore['kind'], readonly string[]>> = {
  secret: ['secretsmanager:GetSecretValue', 'secretsmanager:BatchGetSecretValue'],
  parameter: ['ssm:GetParameter', 'ssm:GetParameters', 'ssm:GetParametersByPath', 'ssm:GetParameterHistory'],
  function: ['lambda:GetFunctionConfiguration', 'lambda:GetFunction', 'lambda:ListFunctions'],
}

/** From a principal to what it may read in its account; what stands in it follows from there. */
export function readingHops(account: AwsAccount, privilege: Privilege): Hop[] {
  return account.stores.flatMap(store => {
    const [action, may] = mayRead(store, privilege)
    return may.truth === 'no' ? [] : [hopTo(store, privilege.actor, action, may)]
  })
}

function mayRead(store: AwsStore, privilege: Privilege): [string, May] {
  let found: [string, May] = ['', { truth: 'no', conditions: [] }]
  for (const action of READS[store.kind]) {
    if (privilege.isSilentOn(action) && !store.policy) continue
    const may = privilege.on(action, store.arn, { resourcePolicy: store.policy })
    if (may.truth === 'yes') return [action, together([may, decrypts(store)])]
    if (may.truth === 'unknown' && found[1].truth === 'no') found = [action, together([may, decrypts(store)])]
  }
  return found
}

/** The policy of a key decides by itself, and no export has it. */
function decrypts({ kmsKey }: AwsStore): May {
  if (kmsKey === undefined) return { truth: 'yes', conditions: [] }
  return { truth: 'unknown', conditions: [`the key ${kmsKey} lets it decrypt`] }
}

function hopTo(store: AwsStore, actor: AwsPrincipal, action: string, { truth, conditions }: May): Hop {
  const subject = actor.kind === 'group' ? `a member of ${nameOf(actor.arn)}` : nameOf(actor.arn)
  return {
    from: actor.id,
    to: store.id,
    crossing: 'may-read',
    certainty: truth === 'yes' ? 'proven' : 'conditional',
    ...(truth !== 'yes' && { condition: conditions.join('; ').replace(/^if /, '') }),
    why: `${subject} may read ${nameOf(store.arn)} (${action})`,
  }
}
