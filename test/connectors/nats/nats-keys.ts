import { cp, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Account,
  createAccount,
  createOperator,
  createUser,
  encodeAccount,
  encodeOperator,
  encodeUser,
  fmtCreds,
  fromPublic,
  type KeyPair,
  newScopedSigner,
  type Permissions,
  type User,
  type UserEncodingOptions,
} from '@nats-io/jwt'
import type { Trusted } from '../../../src/connectors/nats/memory.ts'

/** An operator with an account and its roles, and a folder of keys for the connector. */
export interface NatsKeys {
  /** What a connection has in its folder: operator.nk, system.creds, roles/. */
  readonly keys: string
  /** The account's public key. */
  readonly account: string
  /** Public keys of the roles, by name. */
  readonly roles: Readonly<Record<string, string>>
  readonly operator: KeyPair
  /** What a server is started with. */
  readonly trusted: Trusted
  /** A user's token and key, signed by hand: with a role's key, or where none is named with the account's own. */
  sign(
    role?: string,
    claims?: Partial<User>,
    options?: Partial<UserEncodingOptions>,
  ): Promise<{ user: string; credentials: string }>
  /** A folder of the same keys without what was written there, or without some, or with another operator's. */
  anotherFolder(options: { withRoles: boolean; poses: boolean }): Promise<string>
  /** Puts another operator's key in place of ours. */
  pose(folder: string): Promise<void>
}

const UNLIMITED: Partial<Account> = {
  limits: {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  },
}

/** New keys, in folders of `home`. */
export async function makeNatsKeys(
  home: string,
  permissions: Readonly<Record<string, Permissions>>,
): Promise<NatsKeys> {
  const keys = join(home, 'keys')
  await mkdir(join(keys, 'roles'), { recursive: true })
  const [operator, system, account] = [createOperator(), createAccount(), createAccount()]
  const roleKeys = new Map<string, KeyPair>(Object.keys(permissions).map(name => [name, createAccount()]))
  const secretFile = (name: string, content: Uint8Array) =>
    writeFile(join(keys, name), content, { mode: 0o600 })
  await secretFile('operator.nk', operator.getSeed())
  const admin = createUser()
  await secretFile('system.creds', fmtCreds(await encodeUser('firebreak', admin, system, {}), admin))
  for (const [name, key] of roleKeys) await secretFile(join('roles', `${name}.nk`), key.getSeed())
  const systemToken = await encodeAccount('SYS', system, UNLIMITED, { signer: operator })
  const accountToken = await encodeAccount(
    'shop',
    account,
    {
      ...UNLIMITED,
      signing_keys: [...roleKeys].map(([name, key]) => newScopedSigner(key, name, permissions[name]!)),
    },
    { signer: operator },
  )
  const pose = (folder: string) =>
    writeFile(join(folder, 'operator.nk'), createOperator().getSeed(), { mode: 0o600 })
  return {
    keys,
    account: account.getPublicKey(),
    roles: Object.fromEntries([...roleKeys].map(([name, key]) => [name, key.getPublicKey()])),
    operator,
    trusted: {
      operator: await encodeOperator('acme', operator),
      systemAccount: system.getPublicKey(),
      accounts: { [system.getPublicKey()]: systemToken, [account.getPublicKey()]: accountToken },
    },
    async sign(role, claims = {}, options = {}) {
      const user = createUser()
      const signed =
        role === undefined
          ? await encodeUser('by hand', user, account, claims, options)
          : await encodeUser(role, user, fromPublic(account.getPublicKey()), claims, {
              scopedUser: true,
              signer: roleKeys.get(role)!,
              ...options,
            })
      return { user: user.getPublicKey(), credentials: Buffer.from(fmtCreds(signed, user)).toString() }
    },
    async anotherFolder({ withRoles, poses }) {
      const folder = await mkdtemp(join(home, 'keys-'))
      for (const name of ['operator.nk', 'system.creds', ...(withRoles ? ['roles'] : [])])
        await cp(join(keys, name), join(folder, name), { recursive: true })
      if (poses) await pose(folder)
      return folder
    },
    pose,
  }
}
