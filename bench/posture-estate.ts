import { DatabaseSync } from 'node:sqlite'
import type { Row } from '../src/core/store/schema.ts'
import { openStore } from '../src/core/store/store.ts'
import { allWeaknesses } from '../src/know/readers/weaknesses.ts'
import { generator, idsFrom, inserter } from './graph-estate.ts'

const SEED = 20260202
const DAY_MS = 86_400_000
/** When all of it was read. */
export const NOW = Date.UTC(2026, 5, 1)
const BASELINE = NOW - 30 * DAY_MS
const TEAMS = 150
const PEOPLE = 3000
const SERVICES = 2000
const REPOSITORIES = 400
/** Directories and chats. */
const OTHERS = 80
/** The part of the credentials that has most of the copies: every so many. */
const MUCH_COPIED = 0.2
const STEP = 5

/** Of a hundred identities so many of each kind, with what kind of credential they have. */
const KINDS = [
  { share: 20, system: 'aws', kind: 'role' },
  { share: 12, system: 'aws', kind: 'user', credential: 'access-key' },
  { share: 12, system: 'gcp', kind: 'service-account', credential: 'service-account-key' },
  { share: 12, system: 'azure', kind: 'service-principal', credential: 'password' },
  { share: 20, system: 'kubernetes', kind: 'service-account' },
  { share: 12, system: 'postgres', kind: 'role', credential: 'password' },
  { share: 4, system: 'redis', kind: 'user', credential: 'password' },
  { share: 3, system: 'github', kind: 'app-installation' },
  { share: 5, system: 'slack', kind: 'bot', credential: 'token' },
] as const

/**
 * An organisation as its store has it when all was read: identities of nine systems, their credentials and copies in
 * repositories, directories, buckets and chats, people, teams, services and jobs, with what is wrong with some of each. Always the same.
 */
export async function writePostureEstate(
  file: string,
  size: { readonly identities: number; readonly copies: number },
): Promise<void> {
  await (await openStore(file)).destroy()
  const db = new DatabaseSync(file)
  db.exec(
    'pragma journal_mode=memory; pragma synchronous=off; pragma foreign_keys=off; pragma cache_size=-1000000',
  )
  db.exec('begin')
  new EstateWriter(db, size).write()
  db.exec('commit')
  // As a store has it that is kept up; the daily observation does it.
  db.exec('pragma journal_mode=wal')
  db.close()
}

type Value = string | number | null

class EstateWriter {
  readonly #random = generator(SEED)
  readonly #id = idsFrom(generator(SEED + 1))
  readonly #size: { readonly identities: number; readonly copies: number }
  readonly #tables: Readonly<Record<string, ReturnType<typeof inserter>>>
  readonly #db: DatabaseSync
  readonly #sources = new Map<string, string>()
  readonly #places: { readonly source: string; readonly container: string }[] = []
  readonly #teams: string[] = []
  readonly #services: { readonly id: string; readonly name: string; readonly team: string }[] = []
  readonly #repositories: string[] = []

  constructor(db: DatabaseSync, size: { readonly identities: number; readonly copies: number }) {
    this.#db = db
    this.#size = size
    const seen = ['first_seen', 'last_seen']
    const columns = {
      entity: ['id', 'type', 'system', 'instance', 'kind', 'native', ...seen],
      name: ['entity_id', 'name', ...seen],
      sighting: ['entity_id', 'source_id', 'document', 'last_seen'],
      fact: ['entity_id', 'name', 'source_id', 'value', 'learnt_at'],
      owner: ['entity_id', 'owner', 'source', 'source_id', 'weight', 'learnt_at'],
      edge: ['id', 'source_id', 'from_id', 'to_id', 'crossing', 'certainty', 'why', ...seen],
      policy: ['entity_id', 'source_id', 'language', 'digest', 'text', 'learnt_at'],
      credential: ['entity_id', 'identity_id', 'fingerprint', 'strength_bits', 'confidence', 'state'],
      copy: [
        'id',
        'source_id',
        'container_id',
        'document',
        'path',
        'slots',
        'kind',
        'fingerprint',
        'claim_id',
        'confidence',
        ...seen,
        'gone_at',
      ],
      occurrence: ['source_id', 'document', 'path', '"commit"', 'author', 'at', 'at_head', 'last_seen'],
    }
    this.#tables = Object.fromEntries(
      Object.entries(columns).map(([table, own]) => [table, inserter(db, table, own)]),
    )
  }

  write(): void {
    this.#people()
    this.#code()
    const identities = this.#identities()
    this.#jobs(identities)
    this.#federations()
    this.#copies(this.#credentials(identities))
    for (const table of Object.values(this.#tables)) table.flush()
  }

  #add(table: string, ...values: Value[]): void {
    this.#tables[table]!.add(...values)
  }

  #below(most: number): number {
    return Math.floor(this.#random() * most)
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!
  }

  #source(system: string, label: string, config: object = {}): string {
    const known = this.#sources.get(`${system} ${label}`)
    if (known !== undefined) return known
    const id = this.#id()
    this.#sources.set(`${system} ${label}`, id)
    this.#db
      .prepare(
        'insert into source (id, system, instance, label, config, created_at, observed_at) values (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(id, system, label, label, JSON.stringify(config), BASELINE, NOW)
    this.#db
      .prepare(
        'insert into watch (source_id, next_at, failures, baseline_at, claim_epoch) values (?, ?, 0, ?, 0)',
      )
      .run(id, NOW, this.#random() < 0.99 ? BASELINE : null)
    return id
  }

  #entity(
    type: Row<'entity'>['type'],
    source: string,
    ref: readonly [system: string, instance: string, kind: string, native: string],
    name?: string,
  ): string {
    const id = this.#id()
    this.#add('entity', id, type, ...ref, BASELINE, NOW)
    if (name !== undefined) this.#add('name', id, name, BASELINE, NOW)
    this.#add('sighting', id, source, '', NOW)
    return id
  }

  #fact(id: string, source: string, name: string, value: unknown): void {
    this.#add('fact', id, name, source, JSON.stringify(value), NOW)
  }

  #edge(source: string, from: string, to: string, crossing: string, why = crossing): void {
    this.#add('edge', this.#id(), source, from, to, crossing, 'proven', why, BASELINE, NOW)
  }

  #people(): void {
    const source = this.#source('directory', 'people')
    for (let team = 0; team < TEAMS; team++) {
      this.#teams.push(`team-${team}`)
      this.#entity('resource', source, ['people', 'scim', 'team', `t${team}`], `team-${team}`)
    }
    for (let person = 0; person < PEOPLE; person++) {
      const id = this.#entity('resource', source, ['people', 'hr', 'person', `p${person}`])
      this.#fact(id, source, 'mails', [`person${person}@acme.example`])
      this.#fact(id, source, 'logins', [`person${person}`])
      this.#fact(id, source, 'teams', [`team-${person % TEAMS}`])
      this.#fact(id, source, 'isActive', this.#random() > 0.1)
    }
  }

  #code(): void {
    const catalog = this.#source('git', 'catalog')
    for (let repository = 0; repository < REPOSITORIES; repository++) {
      const label = `acme/repository-${repository}`
      const source = this.#source('git', label)
      const ref = ['git', label, 'repository', label] as const
      const id = this.#entity('resource', source, ref, `https://github.com/${label}`)
      this.#repositories.push(id)
      this.#places.push({ source, container: id })
      const rules = [
        { pattern: '*', owners: [`@acme/team-${repository % TEAMS}`], line: 1 },
        { pattern: '/deploy/', owners: [`@acme/team-${(repository + 1) % TEAMS}`], line: 2 },
      ]
      const text = JSON.stringify({ path: 'CODEOWNERS', rules })
      this.#add('policy', id, source, 'codeowners', `d${repository}`, text, NOW)
    }
    for (let service = 0; service < SERVICES; service++) {
      const name = `${this.#pick(WORDS)}-${this.#pick(WORDS)}-${service}`
      const team = this.#pick(this.#teams)
      const ref = ['backstage', 'catalog', 'component', `default/${name}`] as const
      const id = this.#entity('resource', catalog, ref, `component:default/${name}`)
      this.#add('owner', id, `group:${team}`, 'catalog-info.yaml', catalog, 0.9, NOW)
      this.#edge(catalog, id, this.#pick(this.#repositories), 'kept-in')
      this.#services.push({ id, name, team })
    }
  }

  #identities(): Identity[] {
    const found: Identity[] = []
    for (const spec of KINDS)
      for (let at = 0; at < (this.#size.identities * spec.share) / 100; at++) {
        const { system, kind } = spec
        const instance = `${system}-${at % 40}`
        const source = this.#source(system, instance)
        const service = this.#pick(this.#services)
        const environment = this.#pick(ENVIRONMENTS)
        const called = this.#random() < 0.7 ? `${service.name}-${environment}` : `legacy-${at}`
        const name = system === 'kubernetes' ? `apps/serviceaccount/${called}-${at}` : `${called}-${at}`
        const id = this.#entity('identity', source, [system, instance, kind, `${kind}-${at}`], name)
        const chance = this.#random()
        if (chance < 0.4)
          this.#add(
            'owner',
            id,
            this.#random() < 0.9 ? service.team : this.#pick(this.#teams),
            'the tag owner',
            source,
            0.7,
            NOW,
          )
        else if (chance < 0.5)
          this.#add(
            'owner',
            id,
            `person${this.#below(PEOPLE)}@acme.example`,
            'the tag owner',
            source,
            0.7,
            NOW,
          )
        if (this.#random() < 0.5) this.#edge(source, id, service.id, 'part-of')
        this.#fact(id, source, 'environment', environment)
        this.#ofKind(id, source, system, kind)
        found.push({
          id,
          source,
          system,
          instance,
          credential: 'credential' in spec ? spec.credential : undefined,
        })
      }
    return found
  }

  #ofKind(id: string, source: string, system: string, kind: string): void {
    const rarely = () => this.#random() < 0.01
    if (kind === 'user' && system === 'aws') {
      this.#fact(id, source, 'accessKeys', 1)
      this.#fact(id, source, 'hasConsolePassword', this.#random() < 0.05)
      if (rarely()) this.#fact(id, source, 'passwordLastUsed', this.#ago(60))
    } else if (system === 'aws') {
      this.#fact(id, source, 'lastUsed', this.#random() < 0.1 ? this.#ago(400) : this.#ago(20))
      if (rarely()) {
        const document = { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] }
        const text = JSON.stringify({ kind: 'identity', name: 'all', document })
        this.#add('policy', id, source, 'aws-iam', id, text, NOW)
      } else if (this.#random() < 0.3) {
        const document = { Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] }
        const text = JSON.stringify({ kind: 'identity', name: 'some', document })
        this.#add('policy', id, source, 'aws-iam', id, text, NOW)
      }
      if (this.#random() < 0.1) this.#trust(id, source)
    } else if (system === 'postgres') {
      this.#fact(id, source, 'passwordKind', rarely() ? 'md5' : 'scram-sha-256')
    } else if (system === 'redis') this.#fact(id, source, 'anyPassword', rarely())
    else if (kind === 'app-installation') {
      this.#fact(id, source, 'repositories', this.#random() < 0.2 ? 'all' : 'selected')
      this.#fact(id, source, 'permissions', { contents: 'read', secrets: rarely() ? 'write' : 'read' })
    }
  }

  /** A role that a vendor's account may use; some ask it for an external id. */
  #trust(id: string, source: string): void {
    const asks = this.#random() < 0.8
    const statement = {
      Effect: 'Allow',
      Action: 'sts:AssumeRole',
      Principal: { AWS: 'arn:aws:iam::999999999999:root' },
      ...(asks && { Condition: { StringEquals: { 'sts:ExternalId': 'ours' } } }),
    }
    const text = JSON.stringify({ kind: 'trust', document: { Statement: [statement] } })
    this.#add('policy', id, source, 'aws-iam', `trust ${id}`, text, NOW)
  }

  #jobs(identities: readonly Identity[]): void {
    const clouds = identities.filter(({ system }) => ['aws', 'gcp', 'azure'].includes(system))
    const jobs = this.#size.identities / 10
    for (let job = 0; job < jobs; job++) {
      const { source, container } = this.#places[job % REPOSITORIES]!
      const native = `.github/workflows/w${job}.yml#build`
      const id = this.#entity('workload', source, ['git', String(job % REPOSITORIES), 'job', native], native)
      this.#edge(source, id, container, 'defined-in')
      if (this.#random() < 0.3) this.#edge(source, id, this.#pick(clouds).id, 'federates-into')
      const weaknesses = Array.from({ length: this.#below(4) }, () => {
        const { id } = this.#pick(allWeaknesses)
        return { id, line: 1 + this.#below(80), certainty: 'proven', why: 'so it is written there' }
      })
      this.#fact(id, source, 'weaknesses', weaknesses)
    }
    // What runs as an account of a cluster.
    for (const { id, source, system, instance } of identities) {
      if (system !== 'kubernetes' || this.#random() < 0.2) continue
      // One in twenty is shared by two.
      for (let at = this.#random() < 0.05 ? 0 : 1; at < 2; at++) {
        const workload = this.#entity('workload', source, [
          system,
          instance,
          'deployment',
          `runs-${at}-${id}`,
        ])
        this.#edge(source, workload, id, 'runs-as')
        this.#fact(workload, source, 'environment', this.#pick(ENVIRONMENTS))
      }
    }
  }

  #federations(): void {
    for (let at = 0; at < this.#size.identities / 200; at++) {
      const instance = `gcp-${at % 40}`
      const source = this.#source('gcp', instance)
      const ref = ['gcp', instance, 'workload-identity-provider', `provider-${at}`] as const
      const id = this.#entity('identity', source, ref, `provider-${at}`)
      if (at % 20 === 0) this.#fact(id, source, 'loose', 'it names no repository')
    }
  }

  /** Those of the systems, and values of which only a text tells. */
  #credentials(identities: readonly Identity[]): Credential[] {
    const found: Credential[] = []
    for (const { id: identity, source, system, instance, credential } of identities) {
      if (credential === undefined) continue
      const id = this.#id()
      this.#add('entity', id, 'credential', system, instance, credential, `c-${id}`, BASELINE, NOW)
      this.#add('sighting', id, source, '', NOW)
      const fingerprint = `f${id}`
      const state = this.#random() < 0.05 ? 'dead' : this.#random() < 0.5 ? 'live' : 'unknown'
      this.#add('credential', id, identity, fingerprint, 128, 0.9, state)
      const age = this.#below(900)
      this.#fact(id, source, 'created', this.#ago(age))
      this.#fact(id, source, 'active', this.#random() < 0.9)
      this.#fact(id, source, 'lastUsed', this.#random() < 0.05 ? 'never' : this.#ago(this.#below(120)))
      if (system === 'azure' || system === 'gcp')
        this.#fact(id, source, 'expires', this.#random() < 0.3 ? 'never' : this.#ago(age - 365))
      found.push({ fingerprint, claim: identity, environment: this.#pick(ENVIRONMENTS) })
    }
    for (let at = 0; at < this.#size.identities * 0.3; at++) {
      const id = this.#id()
      this.#add('entity', id, 'credential', 'value', 'found', 'github-token', `fp:${id}`, BASELINE, NOW)
      this.#add('credential', id, null, `f${id}`, 160, 0.9, 'unknown')
      found.push({ fingerprint: `f${id}`, claim: null, environment: this.#pick(ENVIRONMENTS) })
    }
    return found
  }

  /** Most stand in one place or two, and a few in very many. */
  #copies(credentials: readonly Credential[]): void {
    for (let at = 0; at < OTHERS / 2; at++) {
      const source = this.#source('directory', `host-${at}`, { path: `/srv/host-${at}` })
      const ref = ['directory', `host-${at}`, 'tree', `host-${at}`] as const
      this.#places.push({ source, container: this.#entity('resource', source, ref) })
    }
    for (let at = 0; at < OTHERS / 2; at++) {
      const source = this.#source('slack', `chat-${at}`)
      const ref = ['slack', `chat-${at}`, 'workspace', `chat-${at}`] as const
      this.#places.push({ source, container: this.#entity('resource', source, ref) })
    }
    for (let copy = 0; copy < this.#size.copies; copy++) {
      const credential =
        copy < credentials.length
          ? credentials[copy]!
          : credentials[Math.floor(this.#random() ** 2 * credentials.length * MUCH_COPIED) * STEP]!
      // Half of them in repositories, half in what has no history.
      const place = this.#below(2) * REPOSITORIES
      const { source, container } = this.#places[place + this.#below(place === 0 ? REPOSITORIES : OTHERS)]!
      const path = this.#path(credential)
      const isNew = this.#random() < 0.005
      this.#add(
        'copy',
        this.#id(),
        source,
        container,
        `sha256:${copy}`,
        path,
        '[{"part":"value","at":"12-52","encodings":[],"line":3}]',
        credential.claim === null ? 'github-token' : 'postgres-url',
        credential.fingerprint,
        credential.claim,
        0.9,
        isNew ? NOW - DAY_MS : BASELINE - DAY_MS,
        NOW,
        this.#random() < 0.3 ? NOW : null,
      )
      if (place !== 0) continue
      this.#add(
        'occurrence',
        source,
        `sha256:${copy}`,
        path,
        `commit-${copy}`,
        `person${this.#below(PEOPLE)}@acme.example`,
        NOW - this.#below(900) * DAY_MS,
        this.#random() < 0.7 ? 1 : 0,
        NOW,
      )
    }
  }

  /** Most files name no environment, and of those that do nearly all name the one that the credential is of. */
  #path({ environment }: Credential): string {
    const service = `${this.#pick(WORDS)}-${this.#below(SERVICES)}`
    const drawn = this.#random()
    if (drawn < 0.55) return `${service}/src/${this.#pick(FILES)}`
    if (drawn < 0.75) return `${service}/deploy/${this.#pick(FILES)}`
    if (drawn < 0.998) {
      const own = this.#random() < 0.998 ? environment : this.#pick(ENVIRONMENTS)
      return `${service}/deploy/${own}/${this.#pick(FILES)}`
    }
    return `home/person${this.#below(PEOPLE)}/${this.#pick(PERSONAL_FILES)}`
  }

  #ago(days: number): string {
    return new Date(NOW - days * DAY_MS).toISOString()
  }
}

interface Identity {
  readonly id: string
  readonly source: string
  readonly system: string
  readonly instance: string
  readonly credential: string | undefined
}

interface Credential {
  readonly fingerprint: string
  readonly claim: string | null
  readonly environment: (typeof ENVIRONMENTS)[number]
}

const ENVIRONMENTS = ['production', 'staging', 'development'] as const
const FILES = [
  '.env',
  'config.yaml',
  'settings.py',
  'application.properties',
  'values.yaml',
  'main.tf',
  'config.json',
]
const PERSONAL_FILES = ['.bash_history', '.netrc', '.pgpass', '.aws/credentials']
const WORDS = [
  'orders',
  'billing',
  'search',
  'ledger',
  'mail',
  'audit',
  'stock',
  'session',
  'media',
  'report',
]
