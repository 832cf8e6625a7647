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
  const option = / WITH (GRANT|ADMIN) OPTION/.test(line.slice(at + to.length))
  // Every account has it. With the option, what the account may in one database can be passed on.
  if (what === 'USAGE ON *.*' && !option) return undefined
  return { what, role: !/ ON /.test(what), option }
}

export async function give(sql: Sql, { what, role, option }: Grant, account: Account): Promise<void> {
  const passed = option ? ` WITH ${role ? 'ADMIN' : 'GRANT'} OPTION` : ''
  await sql(`grant ${what} to ${quoted(account)}${passed}`)
}

/**
 * Takes what is in a grant and not in what it becomes. Nothing is taken to be given back: whoever is interrupted has taken too little,
 * and never too much.
 */
export async function reduce(
  sql: Sql,
  grant: Grant,
  next: Grant | undefined,
  account: Account,
): Promise<void> {
  const from = `from ${quoted(account)}`
  const option = grant.option && !next?.option
  if (grant.role) {
    if (!next) await sql(`revoke ${grant.what} ${from}`)
    else if (option) await sql(`revoke admin option for ${grant.what} ${from}`)
    return
  }
  const { privileges, on } = partsOf(grant)
  const kept = next ? partsOf(next).privileges : []
  const gone = privileges.filter(privilege => !kept.includes(privilege))
  if (option) await sql(`revoke grant option ${on} ${from}`)
  if (gone.length > 0) await sql(`revoke ${gone.join(', ')} ${on} ${from}`)
}

/** Whether both are of the same role, or of rights to the same thing. */
export function sameTarget(a: Grant, b: Grant): boolean {
  return a.role === b.role && (a.role ? a.what === b.what : partsOf(a).on === partsOf(b).on)
}

/** Of a grant of rights. */
function partsOf({ what }: Grant): { readonly privileges: string[]; readonly on: string } {
  const [, privileges = '', on = ''] = /^(.*?) (ON .+)$/s.exec(what) ?? []
  return { privileges: privilegesIn(privileges), on }
}

/** Of `SELECT, UPDATE (`a`, `b`)`. USAGE is none. */
export function privilegesIn(text: string): string[] {
  return text.split(/,\s*(?![^(]*\))/).filter(privilege => privilege !== 'USAGE')
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
export function frozen(grant: Grant): Grant | undefined {
  if (grant.role) return { ...grant, option: false }
  const { privileges, on } = partsOf(grant)
  const tables = /^ON (`mysql`|\*)\./.test(on)
  // Whoever writes the tables of rights gives itself any. ALL is given back whole by thaw.
  if (privileges.includes('ALL PRIVILEGES')) return tables ? undefined : { ...grant, option: false }
  const kept = privileges
    .filter(privilege => !MINTING.test(privilege))
    .filter(privilege => !tables || !/^(INSERT|UPDATE|DELETE|DROP|ALTER|CREATE)\b/.test(privilege))
  return kept.length === 0 ? undefined : { what: `${kept.join(', ')} ${on}`, role: false, option: false }
}

export function sameGrant(a: Grant, b: Grant): boolean {
  return a.what === b.what && a.option === b.option
}
