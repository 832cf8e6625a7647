import type { AssumeRoleCommandOutput, AssumeRoleWithWebIdentityCommandOutput } from '@aws-sdk/client-sts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import type { PlaceRef, Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { secretIn } from '../../core/contract/slot.ts'
import { type Account, type Keys, mustBeHere } from './account.ts'
import { awsCode, toFailure } from './failure.ts'
import { findPrincipal } from './principals.ts'
import { bytesOf, readStored } from './stored-values.ts'
import { offer } from './verify.ts'

/**
 * Tries a hop as the tester: a role is assumed, for a quarter of an hour; a secret or parameter is read. What would change
 * the account is not done: its own policy simulator is asked, with our right.
 */
export async function probe(account: Account, trial: Trial, held: Held): Promise<Tried> {
  try {
    if (held.by.kind === 'id-token') return await assumeByToken(account, trial, held.secret)
    mustBeHere(account, held.by, 'access-key', 'user')
    const keys = keysOf(held)
    if (!keys) return { state: 'unknown', why: 'It is not known which access key the secret belongs to.' }
    // A server that takes any secret would confirm anything.
    const wrong = new Secret(Buffer.from(account.io.random(30)).toString('base64'))
    const { state } = await offer(account, { ...keys, secretAccessKey: wrong.revealText() })
    if (state === 'live') return { state: 'unknown', why: 'The server takes a wrong secret too.' }
    const seen = await offer(account, keys)
    if (seen.state !== 'live') return { state: seen.state === 'dead' ? 'refused' : 'unknown', why: seen.why }
    return await tryHop(account, trial, held, keys)
  } catch (error) {
    if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
    throw error
  }
}

function keysOf({ by, secret, sessionToken }: Held): Keys | undefined {
  const accessKeyId = by.kind === 'access-key' ? by.id : secret.id
  if (accessKeyId === undefined) return undefined
  const secretAccessKey = secret.revealText()
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken: sessionToken.revealText() }) }
}

async function tryHop(account: Account, trial: Trial, held: Held, keys: Keys): Promise<Tried> {
  const { to, actions = [], place } = trial
  const only = actions.length === 1 ? actions[0]!.action : undefined
  if (only === 'sts:AssumeRole' && to.kind === 'role') return await assume(account, trial, keys)
  if (trial.crossing === 'member-of') return await isMember(account, to, held)
  if (place) return await readCopy(account, place, held, keys)
  if (to.kind === 'secret' || to.kind === 'parameter')
    return await readCopy(account, { in: to, path: to.id, slots: [] }, held, keys)
  const used = USES[`${to.kind} ${trial.crossing}`]
  if (used !== undefined) return await simulateUse(account, trial, held, used)
  if (trial.crossing === 'administrator')
    return await simulate(
      account,
      trial,
      held,
      ADMINISTRATION.map(action => ({ action, onTarget: false })),
    )
  if (actions.length > 0) return await simulate(account, trial, held, actions)
  return { state: 'not-tried', why: 'To cross it changes something there, which trying does not.' }
}

/** What is asked about instead of taking a message or an object, which the simulator does without. */
const USES: Readonly<Record<string, string>> = {
  'bucket may-read': 's3:GetObject',
  'bucket may-write': 's3:PutObject',
  'bucket may-grant': 's3:PutBucketPolicy',
  'queue may-read': 'sqs:ReceiveMessage',
  'queue may-write': 'sqs:SendMessage',
  'queue may-grant': 'sqs:AddPermission',
  'topic may-read': 'sns:Subscribe',
  'topic may-write': 'sns:Publish',
  'topic may-grant': 'sns:AddPermission',
}

/** The simulator is not told of the resource's own policy: what the tester's own do not allow, that one still may. */
async function simulateUse(account: Account, trial: Trial, held: Held, action: string): Promise<Tried> {
  const tried = await simulate(account, trial, held, [{ action, onTarget: true }])
  if (tried.state !== 'refused') return tried
  return { state: 'unknown', why: `${tried.why} What the policy on it says was not asked.` }
}

/** Some of what nobody but an administrator may do all of. */
const ADMINISTRATION = [
  'iam:CreateAccessKey',
  'iam:PutUserPolicy',
  'iam:AttachRolePolicy',
  'iam:PassRole',
  'kms:Decrypt',
  's3:DeleteBucket',
  'ec2:TerminateInstances',
  'secretsmanager:GetSecretValue',
]

/** The shortest session that there is: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const SESSION_SECONDS = 900

async function assume(account: Account, { to, toNames }: Trial, keys: Keys): Promise<Tried> {
  const arn = toNames.find(name => name.startsWith('arn:'))
  if (arn === undefined) return { state: 'unknown', why: 'The ARN of the role is not known.' }
  const sts = account.stsAs(keys)
  try {
    const answer = await account.call('assuming a role', () =>
      sts.send(
        new account.sdk.sts.AssumeRoleCommand({
          RoleArn: arn,
          RoleSessionName: 'firebreak-probe',
          DurationSeconds: SESSION_SECONDS,
        }),
        { abortSignal: account.io.signal },
      ),
    )
    return assumed(to, arn, answer)
  } catch (error) {
    return failed(error, `assume ${arn}`)
  } finally {
    sts.destroy()
  }
}

/** The session that was given, if it is of the role that was meant. */
function assumed(
  to: Ref,
  arn: string,
  { Credentials, AssumedRoleUser }: AssumeRoleCommandOutput | AssumeRoleWithWebIdentityCommandOutput,
): Tried {
  const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials ?? {}
  const id = AssumedRoleUser?.AssumedRoleId?.split(':')[0]
  if (!AccessKeyId || !SecretAccessKey) return { state: 'unknown', why: 'The server gave no session.' }
  if (id !== to.id) return { state: 'unknown', why: `${arn} is another role by now, ${id}.` }
  return {
    state: 'confirmed',
    why: `The tester assumed ${arn}, for ${SESSION_SECONDS / 60} minutes.`,
    held: {
      by: { ...to, kind: 'access-key', id: AccessKeyId, identity: to },
      as: to,
      secret: new Secret(SecretAccessKey, AccessKeyId),
      ...(SessionToken !== undefined && { sessionToken: new Secret(SessionToken) }),
    },
  }
}

/**
 * Offers a job's token, after one whose signature is wrong: a server that takes that too confirms nothing. The call is not signed, so
 * no right of ours helps it. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 */
async function assumeByToken(account: Account, { to, toNames }: Trial, idToken: Secret): Promise<Tried> {
  mustBeHere(account, to, 'role')
  const arn = toNames.find(name => name.startsWith('arn:'))
  if (arn === undefined) return { state: 'unknown', why: 'The ARN of the role is not known.' }
  const { sdk, io } = account
  const sts = new sdk.sts.STSClient(account.settingsOf('sts'))
  const offer = async (token: string) =>
    await sts.send(
      new sdk.sts.AssumeRoleWithWebIdentityCommand({
        RoleArn: arn,
        RoleSessionName: 'firebreak-probe',
        DurationSeconds: SESSION_SECONDS,
        WebIdentityToken: token,
      }),
      { abortSignal: io.signal },
    )
  try {
    const token = idToken.revealText()
    const wrong = `${token.slice(0, token.lastIndexOf('.') + 1)}${Buffer.from(io.random(64)).toString('base64url')}`
    const taken = await offer(wrong).then(
      () => true,
      error => {
        if (REFUSALS.has(awsCode(error) ?? '')) return false
        throw error
      },
    )
    if (taken) return { state: 'unknown', why: 'The server takes a token with a wrong signature too.' }
    return assumed(to, arn, await offer(token))
  } catch (error) {
    if (io.signal.aborted) throw io.signal.reason
    const code = awsCode(error)
    if (code !== undefined && REFUSALS.has(code))
      return { state: 'refused', why: `AWS does not give ${arn} for that token (${code}).` }
    if (code?.startsWith('ExpiredToken')) return { state: 'unknown', why: 'The token given has expired.' }
    const failure = toFailure(error, 'offering a job’s token')
    return { state: 'unknown', why: `${failure.message}.` }
  } finally {
    sts.destroy()
  }
}

/** AWS's own no to a token: not to be trusted there, or not for this role. */
const REFUSALS = new Set([
  'AccessDenied',
  'InvalidIdentityToken',
  'InvalidIdentityTokenException',
  'IDPRejectedClaim',
  'IDPRejectedClaimException',
])

/** What stands there now, whatever stood there when it was observed. */
async function readCopy(account: Account, place: PlaceRef, held: Held, keys: Keys): Promise<Tried> {
  if (!['secret', 'parameter'].includes(place.in.kind))
    return { state: 'not-tried', why: `There is no way to try reading a ${place.in.kind}.` }
  const clients = account.storesAs(keys)
  try {
    const stored = await readStored({ ...account, ...clients }, place)
    const why = `The tester read ${place.path}.`
    if (place.slots.length === 0) return { state: 'confirmed', why, held }
    const secret = secretIn(bytesOf(stored), place)
    return { state: 'confirmed', why, held: { ...held, secret } }
  } catch (error) {
    return failed(error, `read ${place.path}`)
  } finally {
    for (const client of Object.values(clients)) client.destroy()
  }
}

async function isMember(account: Account, group: Ref, held: Held): Promise<Tried> {
  const user = await findPrincipal(account, held.as)
  if (!user || user.kind !== 'user') return { state: 'unknown', why: 'The user is not there any more.' }
  const { iam, sdk } = account
  const groups = await account.call('listing a user’s groups', async () => {
    const { Groups } = await iam.send(new sdk.iam.ListGroupsForUserCommand({ UserName: user.name }))
    return Groups ?? []
  })
  const found = groups.find(({ GroupId }) => GroupId === group.id)
  return found
    ? { state: 'confirmed', why: `The account lists ${user.name} in ${found.GroupName}.`, held }
    : { state: 'refused', why: `The account does not list ${user.name} in that group.` }
}

/**
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html. What is refused for any resource at
 * all may be allowed for one: only what was asked of the target itself is a refusal.
 */
async function simulate(
  account: Account,
  { to, toNames }: Trial,
  held: Held,
  actions: NonNullable<Trial['actions']>,
): Promise<Tried> {
  const actor = await findPrincipal(account, held.as)
  if (!actor) return { state: 'unknown', why: 'Whom the tester acts as is not there any more.' }
  const arn = to.kind === 'account' ? undefined : toNames.find(name => name.startsWith('arn:'))
  const isOfObjects = to.kind === 'bucket' && !actions.some(({ action }) => action === 's3:PutBucketPolicy')
  const target = arn !== undefined && isOfObjects ? `${arn}/*` : arn
  const open: string[] = []
  for (const [onTarget, some] of Map.groupBy(actions, one => one.onTarget && target !== undefined)) {
    const results = await ask(
      account,
      actor.arn,
      some.map(({ action }) => action),
      onTarget ? target : undefined,
    )
    for (const { EvalActionName, EvalDecision, MissingContextValues = [] } of results) {
      if (EvalDecision === 'allowed') continue
      const explicit = EvalDecision === 'explicitDeny'
      if (MissingContextValues.length > 0)
        open.push(`${EvalActionName} hangs on ${MissingContextValues.join(', ')}`)
      else if (onTarget || explicit || to.kind === 'account')
        return { state: 'refused', why: `AWS’s policy simulator denies ${actor.name} ${EvalActionName}.` }
      else open.push(`${EvalActionName} is not allowed for everything`)
    }
  }
  if (open.length > 0)
    return { state: 'unknown', why: `AWS’s policy simulator leaves open: ${open.join('; ')}.` }
  const names = [...new Set(actions.map(({ action }) => action))].join(', ')
  return {
    state: 'confirmed',
    why: `AWS’s policy simulator allows ${actor.name} ${names}. None of it was done.`,
  }
}

async function ask(account: Account, PolicySourceArn: string, ActionNames: string[], resource?: string) {
  const { iam, sdk } = account
  return await account.call('asking the policy simulator', async () => {
    const { EvaluationResults } = await iam.send(
      new sdk.iam.SimulatePrincipalPolicyCommand({
        PolicySourceArn,
        ActionNames,
        ...(resource !== undefined && { ResourceArns: [resource] }),
      }),
    )
    return EvaluationResults ?? []
  })
}

function failed(error: unknown, what: string): Tried {
  if (isFirebreakError(error, 'DENIED'))
    return { state: 'refused', why: `AWS does not let the tester ${what}.` }
  if (isFirebreakError(error)) return { state: 'unknown', why: `${error.message}.` }
  throw error
}
