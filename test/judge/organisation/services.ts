import { Draws } from './draws.ts'
import { DAY_MS, NOW, type Person, type Staff } from './people.ts'

export const ENVIRONMENTS = ['prod', 'staging', 'dev'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

export interface Service {
  readonly name: string
  /** How the system is called that it is a part of. */
  readonly system: string
  readonly short: string
  /** Whose it is now; undefined where its team is no more, and nobody took it over. */
  readonly team: string | undefined
  /** Whose it was, which many texts still say. */
  readonly formerTeam?: string
  readonly movedAt?: number
  readonly lead: Person
  readonly repository: string
  /** Where in the repository it is; '' where that is all its own. */
  readonly folder: string
  readonly isInCatalog: boolean
  readonly cloud: 'aws' | 'gcp' | 'azure'
  readonly namespace: string
  readonly createdAt: number
}

const DOMAINS =
  'orders cart payments refunds invoices ledger users sessions profiles search suggest catalogue images prices stock shipments returns coupons loyalty mail push events metrics logs features experiments reports exports imports partners tickets chat campaigns fraud kyc tax payroll assets archive'
const PARTS = 'api worker web jobs sync gateway indexer consumer'

/** Services with the teams that they belong to, where their code lies, and whose they were before. */
export function makeServices(staff: Staff, seed: string, count: number): Service[] {
  const random = new Draws(`${seed}/services`)
  const names = new Set<string>()
  while (names.size < count) names.add(`${random.pick(DOMAINS.split(' '))}-${random.pick(PARTS.split(' '))}`)
  const living = staff.teams.filter(team => !team.dissolved)
  const dissolved = staff.teams.filter(team => team.dissolved)
  return [...names].map(name => {
    const ofDissolved = random.chance(6) ? random.pick(dissolved) : undefined
    const moved = !ofDissolved && random.chance(9) ? random.pick(living).slug : undefined
    const own = ofDissolved ? ofDissolved.heir : random.pick(living).slug
    const formerTeam = ofDissolved?.slug ?? (moved === own ? undefined : moved)
    const movedAt = NOW - (60 + random.below(700)) * DAY_MS
    const [system = '', part = ''] = name.split('-')
    const isMono = random.chance(35)
    return {
      name,
      system,
      short: `${system.slice(0, 3)}-${part.slice(0, 3)}`,
      team: own,
      ...(formerTeam !== undefined && { formerTeam, movedAt }),
      lead: random.pick(leadsOf(staff, own ?? formerTeam!)),
      repository: isMono ? `monorepo-${1 + random.below(3)}` : name,
      folder: isMono ? `${random.pick(['services', 'apps'])}/${name}` : '',
      isInCatalog: random.chance(68),
      cloud: random.pick(['aws', 'aws', 'aws', 'gcp', 'azure'] as const),
      namespace: random.chance(60) ? (own ?? formerTeam!) : system,
      createdAt: NOW - (200 + random.below(1800)) * DAY_MS,
    }
  })
}

function leadsOf(staff: Staff, team: string): readonly Person[] {
  const members = staff.members(team)
  const own = members.length > 0 ? members : staff.people.filter(person => person.team === team)
  // Of a team in which nobody ever was, somebody of another one looks after what it has.
  return own.length > 0 ? own : staff.people
}

/** Words that stand where an owner should. */
const NOBODY = ['TBD', 'unknown', 'n/a', 'terraform', 'devops', 'admin', 'tbc', '-', 'ops team', '??']

/**
 * How somebody once wrote down whose a service is: as a team, a person, an address, in the words of that day; seldom wrong, and seldomer
 * corrected when it moved.
 */
export function ownerWritten(
  random: Draws,
  staff: Staff,
  service: Service,
  others: readonly Service[],
): string {
  if (random.chance(4)) return random.pick(NOBODY)
  // Copied with everything else from another one.
  const meant = random.chance(3) ? random.pick(others) : service
  const stale = meant.formerTeam !== undefined && random.chance(45)
  const team = staff.team((stale ? meant.formerTeam : meant.team) ?? meant.formerTeam!)
  const person = random.chance(25)
    ? random.pick(staff.people.filter(one => one.team === team.slug))
    : meant.lead
  const slug = team.former !== undefined && random.chance(30) ? team.former : team.slug
  const drawn = random.below(100)
  if (drawn < 52) return slug
  if (drawn < 60) return team.name
  if (drawn < 65) return `team-${slug}`
  if (drawn < 74) return `${slug}@acme.example`
  if (drawn < 78) return `#${slug}`
  if (drawn < 90) return person?.mails[0] ?? slug
  if (drawn < 95) return person?.login ?? slug
  return person?.name ?? slug
}

/** Who owns code, as CODEOWNERS says it. */
export function codeOwnerWritten(random: Draws, staff: Staff, service: Service): string {
  const stale = service.formerTeam !== undefined && random.chance(50)
  const slug = (stale ? service.formerTeam : service.team) ?? service.formerTeam!
  const team = staff.team(slug)
  const drawn = random.below(100)
  const people = staff.people.filter(person => person.team === slug)
  if (drawn < 72) return `@acme/${team.former !== undefined && random.chance(25) ? team.former : slug}`
  if (drawn < 90)
    return `@${random.chance(60) ? service.lead.login : (random.pick(people)?.login ?? service.lead.login)}`
  return random.chance(50) ? service.lead.mails[0]! : `@acme/${slug} @${service.lead.login}`
}
