import { Draws } from './draws.ts'

export const DAY_MS = 86_400_000
/** When the organisation is looked at. */
export const NOW = Date.UTC(2026, 5, 1)

interface Team {
  readonly slug: string
  readonly name: string
  /** What it was called before, which many texts still say. */
  readonly former?: string
  readonly department: string
  /** It is no more; with `heir`, another took over what it had. */
  readonly dissolved?: boolean
  readonly heir?: string
}

export interface Person {
  readonly id: string
  readonly name: string
  readonly login: string
  /** The one at work first; then former and private ones, by which commits were signed. */
  readonly mails: readonly string[]
  readonly team: string
  /** The team before the last move. */
  readonly formerTeam?: string
  readonly leftAt?: number
  readonly worker: 'Employee' | 'Contractor'
}

export interface Staff {
  readonly teams: readonly Team[]
  readonly people: readonly Person[]
  team(slug: string): Team
  /** Those who are there now. */
  members(slug: string): readonly Person[]
}

const TEAMS =
  'payments checkout identity search catalogue logistics billing ledger fraud growth mobile-apps web-shop data-platform ml-platform observability developer-experience cloud-platform site-reliability security networking storage messaging notifications pricing stock recommendations partner-portal crm compliance treasury support-tools editorial media advertising analytics it-operations'
const CODE_NAMES = 'falcon tiger atlas kraken phoenix zebra orca lynx condor bison'
const DEPARTMENTS = ['Engineering', 'Product Engineering', 'Platform', 'Data', 'Corporate IT']
const FIRST =
  'Aisha Ben Carla Dmitri Elena Farid Grace Hiro Ines Jonas Kavya Liam Mina Noor Olga Pablo Quinn Rosa Sven Tara Umar Vera Wei Ximena Yusuf Zoe Anneke Bram Chloé Dana'
const LAST =
  'Adams Baker Chen Diallo Eriksen Fischer Garcia Haddad Ivanov Jansen Kim Lopez Müller Nakamura Okafor Patel Quist Rossi Silva Tanaka Ueda Vogel Weber Xu Yilmaz Zhang O’Brien Núñez Smith-Jones van-Dijk'

/** Teams and those who work in them, or did: renamed and dissolved teams, people in several mails, people who moved and left. */
export function makeStaff(seed: string): Staff {
  const random = new Draws(`${seed}/staff`)
  const codeNames = CODE_NAMES.split(' ')
  const teams: Team[] = TEAMS.split(' ').map(slug => {
    const renamed = random.chance(22) ? codeNames.pop() : undefined
    return {
      slug,
      name: titled(slug),
      department: random.pick(DEPARTMENTS),
      ...(renamed !== undefined && { former: renamed }),
    }
  })
  for (const [slug, inherits] of [
    ['legacy-portal', true],
    ['loyalty', true],
    ['blockchain-lab', false],
    ['hardware', false],
  ] as const)
    teams.push({
      slug,
      name: titled(slug),
      department: 'Product Engineering',
      dissolved: true,
      ...(inherits && { heir: teams[random.below(30)]!.slug }),
    })
  const people: Person[] = []
  const taken = new Set<string>()
  for (const team of teams) {
    const size = team.dissolved ? 4 : 6 + random.below(9)
    for (let index = 0; index < size; index++)
      people.push(makePerson(random, taken, team, teams, people.length, index < 3))
  }
  const bySlug = new Map(teams.map(team => [team.slug, team]))
  return {
    teams,
    people,
    team: slug => bySlug.get(slug)!,
    members: slug => people.filter(person => person.team === slug && person.leftAt === undefined),
  }
}

function makePerson(
  random: Draws,
  taken: Set<string>,
  team: Team,
  teams: readonly Team[],
  index: number,
  isCore: boolean,
): Person {
  let name: string
  let mail: string
  let suffix = 0
  do {
    name = `${random.pick(FIRST.split(' '))} ${random.pick(LAST.split(' '))}`
    mail = `${plain(name).replace(' ', '.')}${suffix === 0 ? '' : suffix}@acme.example`
    suffix++
  } while (taken.has(mail))
  taken.add(mail)
  const [first = '', last = ''] = plain(name).split(' ')
  let login = random.pick([
    `${first[0]}${last}`,
    `${first}-${last}`,
    `${first}${last[0]}`,
    `${last}${1980 + random.below(25)}`,
  ])
  while (taken.has(login)) login = `${login}${random.below(10)}`
  taken.add(login)
  // Some of everyone leave; a team never loses all of those who carry it.
  const left = team.dissolved ? random.chance(60) : !isCore && random.chance(17)
  const moved = !team.dissolved && random.chance(8)
  const mails = [mail]
  if (random.chance(30)) mails.push(`${1000 + index}+${login}@users.noreply.github.com`)
  if (random.chance(15)) mails.push(`${login}@mailbox.example`)
  if (random.chance(8)) mails.push(`${first}@old-acme.example`)
  const formerTeam = moved ? random.pick(teams.filter(other => other !== team)).slug : undefined
  // Who stayed when a team was dissolved works elsewhere.
  const elsewhere = team.dissolved && !left ? (team.heir ?? 'it-operations') : undefined
  return {
    id: `E${String(10_000 + index * 7)}`,
    name,
    login,
    mails,
    team: elsewhere ?? team.slug,
    ...(elsewhere !== undefined && { formerTeam: team.slug }),
    ...(formerTeam !== undefined && { formerTeam }),
    ...(left && { leftAt: NOW - (20 + random.below(1100)) * DAY_MS }),
    worker: random.chance(18) ? 'Contractor' : 'Employee',
  }
}

/** A list of the people department: a line each, in the order and the mess that it was exported in. */
export function hrList(staff: Staff, seed: string): string {
  const random = new Draws(`${seed}/hr`)
  const rows = [
    'Employee ID,Full Name,Work Email,Department,Team,Manager,Status,Termination Date,Worker Type',
  ]
  for (const person of staff.people) {
    // Contractors are often in another system.
    if (person.worker === 'Contractor' && random.chance(35)) continue
    const [first = '', ...last] = person.name.split(' ')
    const name = `"${last.join(' ')}, ${first}"`
    const { name: team, department } = staff.team(person.team)
    const manager = staff.members(person.team)[0]?.mails[0] ?? ''
    const mail = random.chance(10) ? person.mails[0]!.toUpperCase() : person.mails[0]!
    const left = person.leftAt === undefined ? '' : new Date(person.leftAt).toISOString().slice(0, 10)
    const status = left === '' ? (random.chance(3) ? 'On Leave' : 'Active') : 'Terminated'
    const row = [person.id, name, mail, department, team, manager, status, left, person.worker].join(',')
    rows.push(row)
    // A person who came back has a line for each time.
    if (left === '' && random.chance(2))
      rows.push(
        [person.id, name, mail, department, team, manager, 'Terminated', '2019-03-31', person.worker].join(
          ',',
        ),
      )
  }
  rows.splice(40, 0, ',,,,,,,,')
  rows.push(`Total,${rows.length - 1}`)
  return `\ufeff${rows.join('\r\n')}\r\n`
}

/**
 * What the identity provider answers to SCIM 2.0's lists, a page in a line, as a script that asked for them wrote them down. Pages overlap,
 * since accounts were made while it asked; some of those who left are still active there.
 */
export function scimPages(staff: Staff, seed: string): { readonly users: string; readonly groups: string } {
  const random = new Draws(`${seed}/scim`)
  const idOf = (person: Person) => `00u${person.id.toLowerCase()}`
  const users = staff.people.map(person => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    id: idOf(person),
    externalId: person.id,
    userName: person.mails[0]!,
    displayName: person.name,
    nickName: person.login,
    active: person.leftAt === undefined || random.chance(20),
    emails: person.mails
      .filter(mail => !mail.includes('noreply') || random.chance(25))
      .map((value, index) => ({ value, type: index === 0 ? 'work' : 'home', primary: index === 0 })),
    meta: { resourceType: 'User', lastModified: new Date(NOW - random.below(900) * DAY_MS).toISOString() },
  }))
  const groups = staff.teams
    .filter(team => !team.dissolved)
    .map(team => ({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
      id: `00g${team.slug}`,
      displayName: random.chance(50) ? team.slug : `Team ${team.name}`,
      members: staff.people
        .filter(person => person.team === team.slug && (person.leftAt === undefined || random.chance(30)))
        .map(person => ({ value: idOf(person), display: person.name })),
      meta: { resourceType: 'Group' },
    }))
  return { users: pages(users, 100, 4), groups: pages(groups, 20, 0) }
}

function pages(resources: readonly object[], size: number, overlap: number): string {
  const lines: string[] = []
  for (let start = 0; start < resources.length; start += size - overlap) {
    const page = resources.slice(start, start + size)
    lines.push(
      JSON.stringify({
        schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
        totalResults: resources.length,
        startIndex: start + 1,
        itemsPerPage: page.length,
        Resources: page,
      }),
    )
  }
  return `${lines.join('\n')}\n`
}

/** Letters as they stand in a mail. */
function plain(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^A-Za-z -]/g, '')
    .toLowerCase()
}

function titled(slug: string): string {
  return slug
    .split('-')
    .map(word => word[0]!.toUpperCase() + word.slice(1))
    .join(' ')
}
