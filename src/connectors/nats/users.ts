import { createUser, encodeUser, fmtCreds, fromPublic } from '@nats-io/jwt'
import { endOf, holderOf, refuse } from '../../core/contract/certified.ts'
import type { Issued, Want } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { CredentialRef } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Account, currentClaims, refOf, roleKey, rolesOf, userRef } from './account.ts'

/**
 * A user with a key of its own, signed with the key of the role of `like`: servers give it that one's rights, as they are at each
 * moment, and let it in until its time is over. It is in the book before it is signed.
 */
export async function issue(account: Account, want: Want): Promise<Issued> {
  const { config, io, instance, ledger } = account
  const holder = holderOf(account, want)
  const role = rolesOf(await currentClaims(account)).find(({ key }) => key === holder)
  if (!role) throw new FirebreakError('NOT_FOUND', `the account has no role with the key ${holder}`)
  const signer = await roleKey(account, role)
  const now = io.now().getTime()
  const notAfter = endOf(want, now, config.maxTtlSeconds)
  const user = createUser()
  const name = `firebreak:${want.name}`.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, 255)
  const serial = user.getPublicKey()
  ledger.enter({ serial, name, identity: holder, notAfter }, want.name, now)
  const token = await encodeUser(
    name,
    user,
    fromPublic(instance),
    {},
    { scopedUser: true, signer, exp: notAfter / 1000 },
  )
  const secret = new Secret(fmtCreds(token, user), serial)
  return { ref: userRef(instance, serial, refOf(instance, 'role', holder)), secret, notAfter }
}

/** Whom others have revoked is revoked for us too: to resume would let in who was kept out before. */
export async function suspend(account: Account, ref: CredentialRef): Promise<void> {
  const { nats } = await currentClaims(account)
  const byOthers = nats.revocations?.[ref.id] !== undefined && !account.ledger.find(ref.id)
  await refuse(account, ref, byOthers ? 'revoked' : 'suspended')
}
