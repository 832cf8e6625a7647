import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { CredentialRef, Ref } from '../../../src/core/contract/ref.ts'
import { Secret } from '../../../src/core/contract/secret.ts'
import type { PostgresWorld } from '../../laws/postgres-world.ts'

export interface RoleRefs {
  readonly identity: Ref
  readonly credential: CredentialRef
}

export function refsOf(instance: string, oid: string): RoleRefs {
  const identity = { system: 'postgres', instance, kind: 'role', id: oid }
  return { identity, credential: { ...identity, kind: 'password', identity } }
}

/** A bare role with a random password. */
export async function addRole(
  world: PostgresWorld,
  instance: string,
  name: string,
  options = 'login',
): Promise<RoleRefs & { secret: Secret }> {
  const secret = new Secret(randomBytes(18).toString('base64url'), name)
  await world.admin(`create role ${pg.escapeIdentifier(name)} ${options} password '${secret.revealText()}'`)
  const [row] = await world.admin<{ oid: string }>(
    `select oid::text from pg_roles where rolname = ${pg.escapeLiteral(name)}`,
  )
  return { ...refsOf(instance, row?.oid ?? ''), secret }
}

/** Logs in as anybody would. The caller ends it. */
export async function loginAs(world: PostgresWorld, secret: Secret, database = 'app'): Promise<pg.Client> {
  const { host, port } = world.server
  const client = new pg.Client({ host, port, user: secret.id ?? '', password: secret.revealText(), database })
  client.on('error', () => {})
  await client.connect()
  return client
}
