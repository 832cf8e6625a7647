import type { Ref } from '../../../src/core/contract/ref.ts'
import { Draws } from './draws.ts'
import { NOW, type Person, type Staff } from './people.ts'
import { ENVIRONMENTS, type Environment, type Service } from './services.ts'

export const ACCOUNTS: Readonly<Record<Environment, string>> = {
  prod: '111111111111',
  staging: '222222222222',
  dev: '333333333333',
}

type IdentityClass = 'ordinary' | 'shared' | 'third-party' | 'agentic' | 'break-glass'

/** What can be wrong with one, in plain words. */
type Wrong =
  | 'administrator'
  | 'console password in use'
  | 'departed owner'
  | 'federates with everyone'
  | 'leaked in a repository'
  | 'mixed environments'
  | 'never expires'
  | 'no owner'
  | 'no password needed'
  | 'old key'
  | 'posted in chat'
  | 'static key in a pipeline'
  | 'third party with everything'
  | 'unused'
  | 'used by several workloads'
  | 'weak password hash'

export interface Identity {
  readonly ref: Ref
  readonly system: string
  readonly name: string
  readonly environment: Environment
  readonly service: Service
  readonly class: IdentityClass
  /** Whose automation it is, where it is a person's own. */
  readonly person?: Person
  /** `team:payments`, `person:E10007`; undefined for what is nobody's any more. */
  readonly owner: string | undefined
  readonly wrong: ReadonlySet<Wrong>
  readonly vendor?: string
}

/** How many of each system there are among 2,000. */
const SHARES: readonly (readonly [string, number])[] = [
  ['aws user', 190],
  ['aws role', 330],
  ['gcp', 240],
  ['azure', 150],
  ['kubernetes', 460],
  ['postgres', 260],
  ['redis', 80],
  ['github app', 40],
  ['github key', 110],
  ['gitlab', 90],
  ['slack', 50],
]
const VENDORS =
  'datadog snyk pagerduty fivetran segment looker sentry vercel launchdarkly renovate sonarcloud hightouch'

/** What may be wrong in a system, in percent of its identities. */
const PERCENT: Readonly<Record<string, Partial<Record<Wrong, number>>>> = {
  'aws user': {
    'old key': 14,
    unused: 8,
    'console password in use': 4,
    administrator: 3,
    'static key in a pipeline': 9,
  },
  'aws role': { unused: 7, administrator: 3, 'federates with everyone': 2 },
  gcp: { 'old key': 9, administrator: 2 },
  azure: { 'old key': 8, 'never expires': 6, administrator: 2 },
  kubernetes: { administrator: 2, 'used by several workloads': 3 },
  postgres: {
    'weak password hash': 6,
    administrator: 2,
    'leaked in a repository': 5,
    'mixed environments': 5,
    'posted in chat': 2,
  },
  redis: { 'no password needed': 4, administrator: 5 },
  'github app': { 'third party with everything': 25 },
  'github key': { unused: 12, 'old key': 15 },
  gitlab: { 'never expires': 14, unused: 9 },
  slack: {},
}

export function makeIdentities(
  staff: Staff,
  services: readonly Service[],
  seed: string,
  count: number,
): Identity[] {
  const random = new Draws(`${seed}/identities`)
  const taken = new Set<string>()
  return SHARES.flatMap(([kind, share]) =>
    Array.from({ length: Math.round((share * count) / 2000) }, (_, index) =>
      makeIdentity(random, staff, services, taken, kind, index),
    ),
  )
}

function makeIdentity(
  random: Draws,
  staff: Staff,
  services: readonly Service[],
  taken: Set<string>,
  kind: string,
  index: number,
): Identity {
  const system = kind.split(' ')[0]!
  const environment = random.pick(['prod', 'prod', 'prod', ...ENVIRONMENTS] as const)
  const fitting = services.filter(
    ({ cloud }) => !['aws', 'gcp', 'azure'].includes(system) || cloud === system,
  )
  const service = random.pick(fitting)
  const drawn = random.below(100)
  const isVendors = kind === 'github app' ? random.chance(60) : drawn >= 82 && drawn < 87
  const person = !isVendors && drawn >= 87 && drawn < 90 ? random.pick(staff.people) : undefined
  const made: IdentityClass = isVendors
    ? 'third-party'
    : person
      ? 'ordinary'
      : drawn >= 99
        ? 'break-glass'
        : drawn >= 95
          ? 'agentic'
          : drawn >= 90
            ? 'shared'
            : 'ordinary'
  const vendor = made === 'third-party' ? random.pick(VENDORS.split(' ')) : undefined
  const bare = person
    ? random.pick([`${person.login}-automation`, `${person.login}-test`, `bot-${person.login}`])
    : nameOf(random, kind, made, service, environment, vendor)
  const separator = system === 'postgres' || system === 'redis' ? '_' : '-'
  let name = bare.replaceAll('-', separator)
  for (let again = 2; taken.has(`${system} ${environment} ${name}`); again++)
    name = `${bare.replaceAll('-', separator)}${separator}${again}`
  taken.add(`${system} ${environment} ${name}`)
  const owner = person
    ? person.leftAt === undefined
      ? `person:${person.id}`
      : undefined
    : made === 'break-glass'
      ? 'team:security'
      : service.team === undefined
        ? undefined
        : `team:${service.team}`
  const wrong = new Set<Wrong>()
  for (const [what, percent] of Object.entries(PERCENT[kind] ?? {}))
    if (random.chance(percent)) wrong.add(what as Wrong)
  if (made === 'break-glass') wrong.clear()
  if (made === 'third-party' && kind === 'aws role' && random.chance(30))
    wrong.add('third party with everything')
  if (made !== 'third-party') wrong.delete('third party with everything')
  if (environment !== 'prod') wrong.delete('mixed environments')
  if (owner === undefined) wrong.add(person ? 'departed owner' : 'no owner')
  return {
    ref: refOf(kind, environment, name, index, service),
    system,
    name,
    environment,
    service,
    class: made,
    owner,
    wrong,
    ...(person && { person }),
    ...(vendor !== undefined && { vendor }),
  }
}

function nameOf(
  random: Draws,
  kind: string,
  made: IdentityClass,
  service: Service,
  environment: Environment,
  vendor: string | undefined,
): string {
  const { name, short, system } = service
  if (vendor !== undefined)
    return random.pick([`${vendor}-integration`, `${vendor}`, `${vendor}-${system}`, `svc-${vendor}`])
  if (made === 'agentic')
    return random.pick([`${name}-agent`, `copilot-${name}`, `${system}-llm-agent`, `${name}-mcp`])
  if (made === 'break-glass') return random.pick(['break-glass', 'emergency-admin', 'breakglass-admin'])
  if (made === 'shared')
    return random.pick([
      'shared-reader',
      'etl-common',
      'legacy-app',
      'backup',
      'reporting',
      `${system}-shared`,
    ])
  const drawn = random.below(100)
  // Some say nothing at all.
  if (drawn < 9)
    return random.pick(['app', 'deployer', 'ci', 'default-sa', 'api', 'worker', 'prod-user', 'service'])
  if (drawn < 17) return `${short}-${environment}`
  const ofKind: Readonly<Record<string, readonly string[]>> = {
    'aws user': [`svc-${name}`, `ci-${name}`, `${name}-upload`, `${name}-${environment}`],
    'aws role': [`${name}-${environment}`, `${name}-task`, `${name}-lambda`, `deploy-${name}`],
    gcp: [`${name}`, `${name}-runner`, `sa-${name}`],
    azure: [`app-${name}-${environment}`, `${name}-pipeline`, `sp-${name}`],
    kubernetes: [name, name, `${name}-sa`],
    postgres: [`${name}-rw`, `${name}-ro`, `app-${name}`, name],
    redis: [name, `${name}-cache`],
    'github app': [`acme-${name}-bot`, `${system}-release-bot`],
    'github key': [`${name} deploy`, `${name} ci`, `argocd ${name}`],
    gitlab: [`${name}-ci`, `${name}-registry`, 'project-bot'],
    slack: [`${name}-alerts`, `${system}-bot`, `${name} notifier`],
  }
  return random.pick(ofKind[kind]!)
}

function refOf(kind: string, environment: Environment, name: string, index: number, service: Service): Ref {
  const number = String(index).padStart(6, '0')
  switch (kind) {
    case 'aws user':
      return {
        system: 'aws',
        instance: ACCOUNTS[environment],
        kind: 'user',
        id: `AIDA${environment.toUpperCase()}${number}`,
      }
    case 'aws role':
      return {
        system: 'aws',
        instance: ACCOUNTS[environment],
        kind: 'role',
        id: `AROA${environment.toUpperCase()}${number}`,
      }
    case 'gcp':
      return {
        system: 'gcp',
        instance: `acme-${environment}`,
        kind: 'service-account',
        id: `1040000000${number}`,
      }
    case 'azure':
      return {
        system: 'azure',
        instance: 'entra',
        kind: 'service-principal',
        id: `00000000-0000-4000-8000-000000${number}`,
      }
    case 'kubernetes':
      return {
        system: 'kubernetes',
        instance: `cluster-${environment}`,
        kind: 'service-account',
        id: `sa-${environment}-${number}`,
      }
    case 'postgres':
      return {
        system: 'postgres',
        instance: `71000000${environment}`,
        kind: 'role',
        id: String(16_400 + index),
      }
    case 'redis':
      return { system: 'redis', instance: `redis-${environment}`, kind: 'user', id: name }
    case 'github app':
      return { system: 'github', instance: 'github.com', kind: 'app-installation', id: String(5000 + index) }
    case 'github key':
      return {
        system: 'github',
        instance: 'github.com',
        kind: 'deploy-key',
        id: `${repositoryId(service.repository)}/keys/SHA256:${number}`,
      }
    case 'gitlab':
      return { system: 'gitlab', instance: 'gitlab.acme.example', kind: 'user', id: String(9000 + index) }
    default:
      return { system: 'slack', instance: 'T0ACME', kind: 'bot', id: `U${number}` }
  }
}

/** GitHub's number of a repository, made from its name. */
export function repositoryId(repository: string): string {
  let hash = 7
  for (const letter of repository) hash = (hash * 31 + letter.charCodeAt(0)) % 100_000_007
  return String(hash)
}

/** Days before now, as ISO 8601. */
export function daysAgo(days: number): string {
  return new Date(NOW - days * 86_400_000).toISOString()
}
