import { privilegesIn } from './grants.ts'

/** What one account or role of a MariaDB in memory was given. */
export class MemoryGrants {
  /** Roles, and whether they may be passed on. */
  readonly roles = new Map<string, boolean>()
  /** By what they are for: `*.*`, a database, a table. */
  readonly #rights = new Map<string, { readonly privileges: Set<string>; option: boolean }>()

  give(what: string, on: string, option: boolean): void {
    const right = this.#rights.get(on) ?? { privileges: new Set<string>(), option: false }
    this.#rights.set(on, right)
    for (const privilege of privilegesIn(what)) right.privileges.add(privilege)
    right.option ||= option
  }

  /** False where nothing was given for it; of the whole server that does not matter. */
  take(what: string, on: string): boolean {
    const right = this.#rights.get(on)
    if (!right) return on === '*.*'
    for (const privilege of privilegesIn(what)) {
      if (/^grant option$/i.test(privilege)) right.option = false
      else if (privilege === ALL) right.privileges.clear()
      else if (right.privileges.has(ALL)) throw new Error('in memory, ALL is taken back whole')
      else right.privileges.delete(privilege)
    }
    if (right.privileges.size === 0 && !right.option) this.#rights.delete(on)
    return true
  }

  /** As SHOW GRANTS says it: roles, the whole server, databases, and what is in them. */
  lines(to: string, identified: string): string[] {
    const lines = [...this.roles].map(
      ([role, option]) => `GRANT \`${role}\` TO ${to}${option ? ' WITH ADMIN OPTION' : ''}`,
    )
    const rank = (on: string) => (on === '*.*' ? 0 : on.endsWith('.*') ? 1 : 2)
    const rights = [...new Set(['*.*', ...this.#rights.keys()])].sort((a, b) => rank(a) - rank(b))
    for (const on of rights) {
      const { privileges = new Set<string>(), option = false } = this.#rights.get(on) ?? {}
      const given = privileges.has(ALL) ? [ALL] : [...privileges].sort(inServersOrder)
      const what = given.length === 0 ? 'USAGE' : given.join(', ')
      const by = on === '*.*' ? identified : ''
      lines.push(`GRANT ${what} ON ${on} TO ${to}${by}${option ? ' WITH GRANT OPTION' : ''}`)
    }
    return lines
  }
}

const ALL = 'ALL PRIVILEGES'
const ORDER = ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'CREATE', 'DROP', 'PROCESS', 'FILE', 'SUPER']

function inServersOrder(a: string, b: string): number {
  const at = (privilege: string) => {
    const found = ORDER.indexOf(privilege.replace(/ \(.*/s, ''))
    return found < 0 ? ORDER.length : found
  }
  return at(a) - at(b)
}
