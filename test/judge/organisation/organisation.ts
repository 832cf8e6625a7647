import { createHash } from 'node:crypto'
import type { Observation } from '../../../src/core/contract/observation.ts'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Draws } from './draws.ts'
import { awsSources, azureSource, gcpSources } from './clouds.ts'
import { type Identity, makeIdentities } from './identities.ts'
import { hrList, makeStaff, scimPages, type Staff } from './people.ts'
import { repositorySources, secretOf } from './repositories.ts'
import { makeServices, type Service } from './services.ts'
import type { OrganisationSource } from './source.ts'
import {
  clusterSources,
  endpointOf,
  githubSource,
  gitlabSource,
  postgresSources,
  redisSources,
} from './systems.ts'

/** An organisation as its systems tell of it, and what is true of it: the answer sheet. */
export interface Organisation {
  readonly sources: readonly OrganisationSource[]
  readonly staff: Staff
  readonly services: readonly Service[]
  /** Every identity with whose it is, of what class, and what was planted as wrong with it. */
  readonly identities: readonly Identity[]
}

/**
 * The same seed makes the same. Everything that a source says is written as those who use such systems write it, whether it helps or
 * misleads; nothing but the answer sheet says what is true.
 */
export function makeOrganisation(seed: string, count = 2000): Organisation {
  const staff = makeStaff(seed)
  const services = makeServices(staff, seed, Math.max(20, Math.round(count / 13)))
  const identities = makeIdentities(staff, services, seed, count)
  const sources = [
    peopleSource(staff, seed),
    ...awsSources(staff, services, identities, seed),
    ...gcpSources(staff, services, identities, seed),
    azureSource(staff, services, identities, seed),
    ...clusterSources(staff, services, identities, seed),
    ...postgresSources(staff, services, identities, seed),
    ...redisSources(identities),
    githubSource(staff, services, identities, seed),
    gitlabSource(identities, seed),
    slackSource(staff, identities, seed),
    ...repositorySources(staff, services, identities, seed),
  ]
  return { sources, staff, services, identities }
}

/** What the people department and the identity provider exported, in a folder. */
function peopleSource(staff: Staff, seed: string): OrganisationSource {
  const tree: Ref = { system: 'directory', instance: 'people-exports', kind: 'tree', id: 'people-exports' }
  const { users, groups } = scimPages(staff, seed)
  return {
    system: 'directory',
    instance: 'people-exports',
    label: 'people-exports',
    documents: [
      { in: tree, path: 'hr/employees.csv', text: hrList(staff, seed) },
      { in: tree, path: 'idp/scim-users.jsonl', text: users },
      { in: tree, path: 'idp/scim-groups.jsonl', text: groups },
    ],
    observations: [],
  }
}

/** A workspace of Slack: bots, and what was said in a channel. */
function slackSource(staff: Staff, identities: readonly Identity[], seed: string): OrganisationSource {
  const random = new Draws(`${seed}/slack`)
  const workspace: Ref = { system: 'slack', instance: 'T0ACME', kind: 'workspace', id: 'T0ACME' }
  const observations: Observation[] = [{ see: 'resource', ref: workspace, names: ['acme'], facts: {} }]
  for (const { ref, name } of identities.filter(({ system }) => system === 'slack'))
    observations.push({ see: 'identity', ref, names: [name], facts: { app: { value: `A${ref.id}` } } })
  const posted = identities.filter(({ wrong }) => wrong.has('posted in chat'))
  const messages = posted.map((identity, index) => ({
    type: 'message',
    user: `U${random.pick(staff.people).id}`,
    text: `can somebody try postgres://${identity.name}:${secretOf(identity)}@${endpointOf(identity.environment)}/app for me?`,
    ts: `17795${String(10_000 + index)}.000100`,
  }))
  return {
    system: 'slack',
    instance: 'T0ACME',
    label: 'acme',
    documents:
      messages.length === 0
        ? []
        : [{ in: workspace, path: 'help-data/2026-05-23.json', text: JSON.stringify(messages, null, 1) }],
    observations,
  }
}

/** The id by which git has a text. */
export function blobId(text: string): string {
  const bytes = Buffer.from(text)
  return `git:${createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')}`
}
