import type { Ref } from '../../core/contract/ref.ts'
import { refOf } from './instance-ref.ts'
import type { Server } from './server.ts'

/**
 * Roles whose rights are a thing by themselves. Who inherits from a role has what was granted to it, and not what it is:
 * SUPERUSER and the like are had only by becoming it with SET ROLE, which a membership may leave out since PostgreSQL 16. Where
 * that makes no difference, the role stands for its rights.
 * https://www.postgresql.org/docs/current/role-membership.html
 */
export async function rolesWithRightsApart(server: Server): Promise<ReadonlySet<string>> {
  const options =
    server.version >= 160000
      ? 'm.inherit_option as inherit, m.set_option as set'
      : 'u.rolinherit as inherit, true as set'
  const rows = await server.read('looking for inherited rights', sql =>
    sql.rows<{ oid: string }>(
      `with recursive membership as (
         select m.roleid, m.member, ${options} from pg_catalog.pg_auth_members m
         join pg_catalog.pg_roles u on u.oid = m.member
       ), apart as (
         select m.roleid from membership m join pg_catalog.pg_roles r on r.oid = m.roleid
         where m.inherit and (not m.set or r.rolsuper or r.rolreplication or r.rolcreaterole)
         union
         select m.roleid from apart a join membership m on m.member = a.roleid where m.inherit
       )
       select roleid::text as oid from apart`,
    ),
  )
  return new Set(rows.map(({ oid }) => oid))
}

/** What has the rights that were granted to a role. */
export function rightsOf(instance: string, apart: ReadonlySet<string>, oid: string): Ref {
  return refOf(instance, apart.has(oid) ? 'role-rights' : 'role', oid)
}
