import { z } from 'zod'
import { isIssued } from '../../core/contract/issued-name.ts'
import { factsOf, type Observation } from '../../core/contract/observation.ts'
import { call, credentialRef, listPermissions, listUsers, mustBeSame, refOf, type Server } from './server.ts'

const vhosts = z.array(z.object({ name: z.string() }))

/** The broker, its virtual hosts, its users, and what each may do in which. */
export async function* discover(server: Server): AsyncGenerator<Observation> {
  await mustBeSame(server)
  const { instance, config } = server
  const itself = refOf(instance, 'instance', instance)
  yield { see: 'resource', ref: itself, names: [`${config.host}:${config.port}`], facts: {} }
  for (const { name } of vhosts.parse(await call(server, 'GET', '/api/vhosts'))) {
    const ref = refOf(instance, 'vhost', name)
    yield { see: 'resource', ref, names: [name], facts: {} }
    const why = `Who has the whole broker has its virtual host ${name}.`
    yield { see: 'edge', from: itself, to: ref, crossing: 'contains', certainty: 'proven', why }
  }
  const permissions = await listPermissions(server)
  for (const { name, tags, password_hash: hash } of await listUsers(server)) {
    const ref = refOf(instance, 'user', name)
    const facts = factsOf({ tags: tags.join(','), issuedByFirebreak: isIssued(name) })
    yield { see: 'identity', ref, names: [name], facts }
    if (hash !== '') yield { see: 'credential', ref: credentialRef(instance, name), facts: {} }
    const edge = { see: 'edge', from: ref, certainty: 'proven' } as const
    if (tags.includes('administrator'))
      yield { ...edge, to: itself, crossing: 'superuser', why: `${name} is an administrator.` }
    for (const { user, vhost, ...patterns } of permissions) {
      if (user !== name) continue
      for (const [crossing, verb, pattern] of [
        ['may-read', 'read', patterns.read],
        ['may-write', 'write', patterns.write],
        ['may-create', 'configure', patterns.configure],
      ] as const) {
        if (pattern === '' || pattern === '^$') continue
        const when =
          pattern === '.*' ? {} : { certainty: 'conditional' as const, when: `its name matches ${pattern}` }
        const why = `${name} may ${verb} ${pattern === '.*' ? 'everything' : pattern} in ${vhost}.`
        yield { ...edge, to: refOf(instance, 'vhost', vhost), crossing, ...when, why }
      }
    }
  }
  yield { see: 'covered', scope: `rabbitmq:${instance}/users`, complete: true }
}
