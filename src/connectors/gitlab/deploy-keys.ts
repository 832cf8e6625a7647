import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Verdict } from '../../core/contract/connector.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import type { CredentialRef, Ref } from '../../core/contract/ref.ts'
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

async function findKey(account: Account, ref: Ref): Promise<number | undefined> {
  const { calls, rest } = ownerIn(ref.id)
  const keys = await unlessAbsent(() => keysOf(account, calls))
  return keys?.find(({ key }) => rest === `deploy-keys/${fingerprintOf(key)}`)?.id
}
