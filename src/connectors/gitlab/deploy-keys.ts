import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Issued, Verdict, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { newSshKey } from '../../core/contract/new-ssh-key.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { CredentialRef, Ref, State } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { unlessAbsent } from '../../core/contract/refused.ts'
import { type Account, ownerIn, refIn } from './account.ts'

const DEPLOY_KEY = z.object({
  id: z.number(),
  title: z.string(),
  key: z.string(),
  can_push: z.boolean().default(false),
  created_at: z.string().nullish(),
  expires_at: z.string().nullish(),
})

/** As `ssh-keygen -l` prints it; undefined for what is no public key. https://docs.gitlab.com/api/deploy_keys/ */
function fingerprintOf(line: string): string | undefined {
  const blob = /^\s*[\w@.-]+\s+(AAAA[A-Za-z0-9+/]+=*)/.exec(line)?.[1]
  if (blob === undefined) return undefined
  return `SHA256:${createHash('sha256').update(Buffer.from(blob, 'base64')).digest('base64').replace(/=+$/, '')}`
}

async function keysOf({ api }: Account, calls: string) {
  return await api.list('listing deploy keys', `${calls}/deploy_keys`, DEPLOY_KEY)
}

/** One key may be enabled in several projects, in each with a right of its own: it is one of each. */
export async function* deployKeys(
  account: Account,
  owner: { readonly id: string; readonly ref: Ref; readonly calls: string; readonly name: string },
): AsyncGenerator<Observation> {
  for (const key of await keysOf(account, owner.calls)) {
    const sshFingerprint = fingerprintOf(key.key)
    if (sshFingerprint === undefined) continue
    const identity = refIn(account, 'deploy-key', `${owner.id}/deploy-keys/${sshFingerprint}`)
    yield {
      see: 'identity',
      ref: identity,
      names: [`${owner.name} ${key.title}`],
      facts: factsOf({ title: key.title, readOnly: !key.can_push }),
    }
    yield {
      see: 'credential',
      ref: { ...identity, kind: 'ssh-key', identity },
      facts: factsOf({
        sshFingerprint,
        keyType: key.key.trim().split(/\s/)[0]!,
        created: key.created_at ?? undefined,
        expires: key.expires_at ?? 'never',
      }),
    }
    yield {
      see: 'edge',
      from: identity,
      to: owner.ref,
      crossing: key.can_push ? 'may-push' : 'may-read',
      certainty: 'proven',
      why: `the deploy key “${key.title}” may ${key.can_push ? 'push to' : 'read'} ${owner.name}`,
    }
  }
}

/** The login by SSH is not tried: only its end can be seen. */
export async function verifyDeployKey(account: Account, ref: CredentialRef): Promise<Verdict> {
  return (await findKey(account, ref)) === undefined
    ? { state: 'dead', why: 'The project lists no such deploy key.' }
    : { state: 'unknown', why: 'The project lists it; the login by SSH is not tried.' }
}

/** Takes it from the project; where others have it enabled, too, it is theirs still. */
export async function removeDeployKey(account: Account, ref: CredentialRef): Promise<void> {
  const id = await findKey(account, ref)
  if (id === undefined) return
  const { calls } = ownerIn(ref.id)
  await unlessAbsent(() => account.api.send('removing a deploy key', 'DELETE', `${calls}/deploy_keys/${id}`))
}

const keyState = z.object({ canPush: z.boolean() })

/** What stands of a key; null for one that its project does not list. */
export async function inspectDeployKey(account: Account, ref: Ref): Promise<State> {
  const found = await keyAt(account, ref)
  return found ? { canPush: found.can_push } : null
}

/** A second key for the project, with the same right; where nothing tells the right, it may only read. */
export async function issueDeployKey(account: Account, like: Ref, want: Want): Promise<Issued> {
  const { calls } = ownerIn(like.id)
  const title = titleOf(want)
  if ((await keysOf(account, calls)).some(other => other.title === title))
    throw new FirebreakError(
      'CONFLICT',
      'there is a deploy key of that name already',
      'What an earlier attempt left is taken back by undoing it.',
    )
  const before = keyState.safeParse(want.before).data
  const can_push = (await keyAt(account, like))?.can_push ?? before?.canPush ?? false
  const { privateKey, line } = newSshKey('firebreak', account.io.random)
  const body = { title, key: line, can_push }
  await account.api.send('adding a deploy key', 'POST', `${calls}/deploy_keys`, body)
  const owner = like.id.slice(0, like.id.indexOf('/deploy-keys/'))
  const identity = refIn(account, 'deploy-key', `${owner}/deploy-keys/${fingerprintOf(line)}`)
  return { ref: { ...identity, kind: 'ssh-key', identity }, secret: new Secret(privateKey) }
}

/** Those with this name. */
export async function undoDeployKey(account: Account, like: Ref, want: Want): Promise<void> {
  const { calls } = ownerIn(like.id)
  for (const { id, title } of (await unlessAbsent(() => keysOf(account, calls))) ?? [])
    if (title === titleOf(want))
      await unlessAbsent(() =>
        account.api.send('taking a deploy key back', 'DELETE', `${calls}/deploy_keys/${id}`),
      )
}

function titleOf({ name }: Want): string {
  return `firebreak ${name}`.slice(0, 200)
}

async function findKey(account: Account, ref: Ref): Promise<number | undefined> {
  return (await keyAt(account, ref))?.id
}

async function keyAt(account: Account, ref: Ref): Promise<z.infer<typeof DEPLOY_KEY> | undefined> {
  const { calls, rest } = ownerIn(ref.id)
  const keys = await unlessAbsent(() => keysOf(account, calls))
  return keys?.find(({ key }) => rest === `deploy-keys/${fingerprintOf(key)}`)
}
