import { createHash } from 'node:crypto'
import type { Ref } from '../../../src/core/contract/ref.ts'
import { Draws } from './draws.ts'
import { tagsWritten } from './clouds.ts'
import { ACCOUNTS, type Identity } from './identities.ts'
import { DAY_MS, NOW, type Person, type Staff } from './people.ts'
import { codeOwnerWritten, ownerWritten, type Service } from './services.ts'
import type { OrganisationSource, Written } from './source.ts'
import { endpointOf } from './systems.ts'

const BOTS = [
  'renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>',
  'dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>',
  'github-actions <actions@github.com>',
  'acme-terraform-sync <terraform-sync@acme.example>',
]

interface File {
  readonly path: string
  readonly text: string
  /** Whose commits it has mostly; undefined for those of the platform. */
  readonly service?: Service
}

/** The code: a repository for each service or a few for many, what declares the clouds, and what runs in the clusters. */
export function repositorySources(
  staff: Staff,
  services: readonly Service[],
  identities: readonly Identity[],
  seed: string,
): OrganisationSource[] {
  const random = new Draws(`${seed}/code`)
  const files = new Map<string, File[]>()
  const put = (repository: string, file: File) =>
    void files.set(repository, [...(files.get(repository) ?? []), file])
  for (const service of services) {
    const own = identities.filter(identity => identity.service === service)
    for (const file of serviceFiles(random, staff, service, own, services)) put(service.repository, file)
    if (random.chance(50)) {
      const text = terraformOf(random, staff, own, services)
      if (text !== '') put('infra', { path: `aws/${service.name}/iam.tf`, text, service })
    }
    for (const identity of own.filter(({ system }) => system === 'kubernetes'))
      if (random.chance(50)) {
        const { environment, name } = identity
        const path = `apps/${environment}/${service.namespace}/${name}.yaml`
        put('deploy', { path, text: manifestOf(random, staff, identity, services), service })
      }
  }
  for (const repository of [...files.keys()].sort())
    if (repository.startsWith('monorepo') || ['infra', 'deploy'].includes(repository) || random.chance(68))
      put(repository, {
        path: random.pick(['.github/CODEOWNERS', '.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS']),
        text: codeOwnersOf(random, staff, repository, services),
      })
  put('catalog', { path: 'org/groups.yaml', text: groupsOf(staff) })
  return [...files].map(([repository, own]) => {
    const instance = createHash('sha1').update(`${seed} ${repository}`).digest('hex')
    const container: Ref = { system: 'git', instance, kind: 'repository', id: instance }
    return {
      system: 'git',
      instance,
      label: `checkouts/${repository}`,
      documents: own.map(file => committed(random, staff, container, file)),
      observations: [
        {
          see: 'resource',
          ref: container,
          names: [`checkouts/${repository}`, `https://github.com/acme/${repository}.git`],
          facts: { defaultBranch: { value: 'main' }, bare: { value: false }, shallow: { value: false } },
        },
      ],
    }
  })
}

function committed(random: Draws, staff: Staff, container: Ref, { path, text, service }: File): Written {
  const commits = 1 + random.below(4)
  const oldest = service?.createdAt ?? NOW - 900 * DAY_MS
  const times = Array.from({ length: commits }, () => oldest + random.below(NOW - oldest)).sort(
    (a, b) => a - b,
  )
  return {
    in: container,
    path,
    text,
    history: times.map((at, index) => ({
      author: authorOf(random, staff, service, at),
      at,
      text: index === commits - 1 ? text : `${text}\n${path.endsWith('.json') ? '' : `# ${index}\n`}`,
    })),
  }
}

function authorOf(random: Draws, staff: Staff, service: Service | undefined, at: number): string {
  const drawn = random.below(100)
  if (drawn < 12) return random.pick(BOTS)
  const isBefore = service?.movedAt !== undefined && at < service.movedAt
  const team = isBefore ? service.formerTeam! : (service?.team ?? service?.formerTeam ?? 'cloud-platform')
  // Who wrote it may be elsewhere by now, or gone.
  const then = staff.people.filter(
    one => (one.team === team || one.formerTeam === team) && (one.leftAt === undefined || one.leftAt > at),
  )
  const platform = staff.members('cloud-platform')
  const person: Person | undefined =
    drawn < 22
      ? random.pick(platform)
      : drawn < 26
        ? random.pick(staff.people)
        : (then[random.below(Math.max(1, then.length))] ?? service?.lead)
  if (!person) return random.pick(BOTS)
  return `${random.chance(80) ? person.name : person.login} <${random.pick(person.mails)}>`
}

function serviceFiles(
  random: Draws,
  staff: Staff,
  service: Service,
  own: readonly Identity[],
  services: readonly Service[],
): File[] {
  const within = service.folder === '' ? '' : `${service.folder}/`
  const files: File[] = []
  if (service.isInCatalog)
    files.push({
      path: `${within}catalog-info.yaml`,
      text: catalogOf(random, staff, service, services),
      service,
    })
  const deploys = own.filter(({ ref, name }) => ref.kind === 'role' && name.startsWith('deploy-'))
  const keyed = own.filter(({ wrong }) => wrong.has('static key in a pipeline'))
  if (deploys.length + keyed.length > 0 || random.chance(60)) {
    const name = service.folder === '' ? 'deploy' : `deploy-${service.name}`
    files.push({
      path: `.github/workflows/${name}.yml`,
      text: workflowOf(deploys, keyed.length > 0),
      service,
    })
  }
  for (const identity of own.filter(({ system }) => system === 'postgres')) {
    const value = secretOf(identity)
    const url = (environment: Identity['environment']) =>
      `DATABASE_URL=postgres://${identity.name}:${value}@${endpointOf(environment)}/${service.system}\n`
    const { wrong, environment, name } = identity
    if (wrong.has('leaked in a repository'))
      files.push({ path: `${within}.env.${name}`, text: `PORT=8080\n${url(environment)}`, service })
    if (wrong.has('mixed environments'))
      files.push(
        { path: `${within}config/prod/${name}.env`, text: url('prod'), service },
        { path: `${within}config/dev/${name}.env`, text: `LOG_LEVEL=debug\n${url('prod')}`, service },
      )
  }
  if (own.some(identity => identity.class === 'agentic'))
    files.push({
      path: `${within}.mcp.json`,
      text: JSON.stringify(
        {
          mcpServers: {
            [service.system]: { command: 'node', args: ['server.js'], env: { TOKEN: '${SERVICE_TOKEN}' } },
          },
        },
        null,
        2,
      ),
      service,
    })
  return files
}

/** The password of a role; the same wherever it stands. */
export function secretOf({ ref, name }: Identity): string {
  return createHash('sha256').update(`${ref.instance}/${ref.id}/${name}`).digest('base64url').slice(0, 30)
}

function workflowOf(deploys: readonly Identity[], isKeyed: boolean): string {
  const steps = deploys.map(
    ({ name, environment }) => `      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: arn:aws:iam::${ACCOUNTS[environment]}:role/${name}
          aws-region: eu-west-1`,
  )
  if (isKeyed)
    steps.push(`      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: \${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: \${{ secrets.AWS_SECRET_ACCESS_KEY }}
          aws-region: eu-west-1`)
  return `name: deploy
on:
  push:
    branches: [main]
permissions:
  contents: read
  id-token: write
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          persist-credentials: false
${steps.length > 0 ? `${steps.join('\n')}\n` : ''}      - run: make deploy
`
}

function terraformOf(
  random: Draws,
  staff: Staff,
  own: readonly Identity[],
  services: readonly Service[],
): string {
  return own
    .filter(({ system, class: made }) => system === 'aws' && made !== 'break-glass')
    .map(identity => {
      const { name, ref } = identity
      const tags = Object.entries(tagsWritten(random, staff, identity, services))
      const label = `${name}_${identity.environment}`.replaceAll('-', '_')
      return `resource "aws_iam_${ref.kind}" "${label}" {
  name = "${name}"
  tags = {
${tags.map(([key, value]) => `    "${key}" = "${value}"`).join('\n')}
  }
}
`
    })
    .join('\n')
}

function manifestOf(random: Draws, staff: Staff, identity: Identity, services: readonly Service[]): string {
  const tags = Object.entries(tagsWritten(random, staff, identity, services))
  const annotations = tags.map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`).join('\n')
  return `apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${identity.name}
  namespace: ${identity.service.namespace}
${annotations === '' ? '' : `  annotations:\n${annotations}\n`}`
}

/** Lines in the order in which they were added, with what does not work as those who wrote it thought. */
function codeOwnersOf(random: Draws, staff: Staff, repository: string, services: readonly Service[]): string {
  const own = services.filter(service => service.repository === repository)
  const lines = ['# Who is asked to review. See the handbook.']
  const isShared = own.length !== 1
  if (isShared) lines.push('* @acme/cloud-platform')
  else lines.push(`* ${codeOwnerWritten(random, staff, own[0]!)}`)
  if (random.chance(40)) lines.push('*.md @acme/editorial', '/docs/ @acme/editorial')
  const folders =
    repository === 'infra'
      ? services.map(service => [`/aws/${service.name}/`, service] as const)
      : repository === 'deploy'
        ? services.map(service => [`/apps/*/${service.namespace}/`, service] as const)
        : own.filter(({ folder }) => folder !== '').map(service => [`/${service.folder}/`, service] as const)
  for (const [folder, service] of folders) {
    if (!random.chance(70)) continue
    const written = random.chance(85) ? folder : folder.slice(1)
    lines.push(`${written} ${codeOwnerWritten(random, staff, service)}`)
    // Added again further below when it moved; sometimes above, where it does nothing.
    if (service.formerTeam !== undefined && service.team !== undefined && random.chance(40))
      lines.splice(random.chance(25) ? 1 : lines.length, 0, `${folder} @acme/${service.team}`)
  }
  if (random.chance(35)) lines.push('/src/[a-z]*/ @acme/web-shop')
  if (random.chance(20)) lines.push('!/vendor/ @acme/security')
  if (random.chance(30)) lines.push('/.github/ @acme/developer-experience')
  if (random.chance(20)) lines.push('/generated/')
  if (random.chance(15)) lines.push('/legacy/**  @someone-who-left   # gone since 2021')
  return `${lines.join('\n')}\n`
}

function catalogOf(random: Draws, staff: Staff, service: Service, services: readonly Service[]): string {
  const written = ownerWritten(random, staff, service, services)
  const slug = /^[\w-]+$/.test(written) ? written : (service.team ?? service.formerTeam!)
  const isLogin = staff.people.some(({ login }) => login === slug)
  const owner = isLogin ? `user:${slug}` : random.pick([slug, `group:${slug}`, `group:default/${slug}`])
  const needs = Array.from({ length: random.below(4) }, () => `component:${random.pick(services).name}`)
  const database = random.chance(40)
  return `apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ${service.name}
  description: The ${service.name} of ${service.system}.
  annotations:
    github.com/project-slug: acme/${service.repository}
    backstage.io/kubernetes-id: ${service.name}
spec:
  type: service
  lifecycle: ${random.pick(['production', 'production', 'experimental', 'deprecated'])}
  owner: ${owner}
  system: ${service.system}
${needs.length > 0 ? `  dependsOn:\n${needs.map(need => `    - ${need}`).join('\n')}\n` : ''}${
  database
    ? `---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata:
  name: ${service.name}-db
spec:
  type: database
  owner: ${owner}
  system: ${service.system}
  dependencyOf: ['component:${service.name}']
`
    : ''
}`
}

function groupsOf(staff: Staff): string {
  return staff.teams
    .filter(({ dissolved }) => !dissolved)
    .map(
      ({ slug, name }) => `apiVersion: backstage.io/v1alpha1
kind: Group
metadata:
  name: ${slug}
spec:
  type: team
  profile:
    displayName: ${name}
    email: ${slug}@acme.example
  children: []
  members: [${staff
    .members(slug)
    .slice(0, 4)
    .map(({ login }) => login)
    .join(', ')}]
`,
    )
    .join('---\n')
}
