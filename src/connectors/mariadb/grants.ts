import { type Account, quoted } from './account.ts'
import type { Sql } from './server.ts'

/** What an account was given, as the server says it: without whom it was given to, its password and its limits. */
export interface Grant {
  /** `SELECT, INSERT ON `shop`.*`, or the quoted name of a role. */
  readonly what: string
  readonly role: boolean
  /** May be passed on. */
  readonly option: boolean
}

export async function grantsOf(sql: Sql, account: Account): Promise<Grant[]> {
  const rows = await sql(`show grants for ${quoted(account)}`)
  return rows.flatMap(row => grantIn(String(Object.values(row)[0]), account) ?? [])
}

function grantIn(line: string, account: Account): Grant | undefined {
  const to = ` TO ${quoted(account)}`
  const at = line.indexOf(to)
  if (!line.startsWith('GRANT ') || at < 0) return undefined
  const what = line.slice('GRANT '.length, at)
  if (what === 'USAGE ON *.*') return undefined
  const after = line.slice(at + to.length)
  const role = !/ ON /.test(what)
  return { what, role, option: / WITH (GRANT|ADMIN) OPTION/.test(after) }
}

export async function give(sql: Sql, { what, role, option }: Grant, account: Account): Promise<void> {
  const passed = option ? ` WITH ${role ? 'ADMIN' : 'GRANT'} OPTION` : ''
  await sql(`grant ${what} to ${quoted(account)}${passed}`)
}

export async function take(sql: Sql, { what, role, option }: Grant, account: Account): Promise<void> {
  await sql(`revoke ${what} from ${quoted(account)}`)
  const on = / (ON .+)$/s.exec(what)?.[1]
  if (option && !role && on) await sql(`revoke grant option ${on} from ${quoted(account)}`)
}

/** The role that is taken on at each login. */
export async function defaultRoleOf(sql: Sql, { user, host }: Account): Promise<string | undefined> {
  const [row] = await sql(
    "select json_value(Priv, '$.default_role') role from mysql.global_priv where User = ? and Host = ?",
    [user, host],
  )
  return typeof row?.['role'] === 'string' && row['role'] !== '' ? row['role'] : undefined
}

/** Rights by which one makes accounts, or gives rights to others. */
const MINTING = /\b(ALL PRIVILEGES|CREATE USER|SUPER|FEDERATED ADMIN|SET USER)\b/

/** What is left of a right when nothing new can be made by it; undefined where nothing is. */
export function frozen({ what, role }: Grant): Grant | undefined {
  const [, privileges = '', on = ''] = /^(.*?) (ON .+)$/s.exec(what) ?? []
  if (role) return { what, role, option: false }
  const tables = /^ON (`mysql`|\*)\./.test(on)
  // Whoever writes the tables of rights gives itself any. ALL is given back whole by thaw.
  if (/ALL PRIVILEGES/.test(privileges)) return tables ? undefined : { what, role, option: false }
  const kept = privileges
    .split(/,\s*(?![^(]*\))/)
    .filter(privilege => !MINTING.test(privilege))
    .filter(privilege => !tables || !/^(INSERT|UPDATE|DELETE|DROP|ALTER|CREATE)\b/.test(privilege))
  return kept.length === 0 ? undefined : { what: `${kept.join(', ')} ${on}`, role, option: false }
}

export function sameGrant(a: Grant, b: Grant): boolean {
  return a.what === b.what && a.option === b.option
}
