import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import type { PostgresServer } from '../src/serve/operations/drill/postgres-server.ts'
import { keepRulesIn } from './built-in-rules.ts'

const PROGRAM = fileURLToPath(new URL('../bin/firebreak.js', import.meta.url))

interface Outcome {
  readonly exit: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A repository with a leaked password in it, a home of its own, and `firebreak` on the path. */
export interface Stage {
  /** The repository, which commands run in. */
  readonly directory: string
  readonly home: string
  /** The password of app_orders: it stands in deploy/.env, once in the history as deploy/old.env, and in leaked.txt. */
  readonly secret: string
  /** Runs a line of shell. What is read from standard input is the leaked secret, unless something else is given. */
  run(line: string, options?: { stdin?: string; environment?: NodeJS.ProcessEnv }): Promise<Outcome>
  /** The same, not waited for, in a process group of its own. */
  start(
    line: string,
    stdin?: string,
    environment?: NodeJS.ProcessEnv,
  ): { child: ChildProcess; outcome: Promise<Outcome> }
  /** Keeps all as it stands now; what it gives puts it back so. */
  keep(): Promise<() => Promise<void>>
  remove(): Promise<void>
}

/** With a server, app_orders is a role there and the environment says how its administrator logs in. */
export async function setStage(server?: PostgresServer): Promise<Stage> {
  const root = await mkdtemp(join(tmpdir(), 'firebreak-stage-'))
  const directory = join(root, 'app')
  const home = join(root, 'home')
  const secret = randomBytes(24).toString('hex')
  const port = server?.port ?? 5432
  await mkdir(join(root, 'bin'))
  await mkdir(join(directory, 'deploy'), { recursive: true })
  await mkdir(join(directory, 'src'))
  const url = `postgres://app_orders:${secret}@127.0.0.1:${port}/postgres`
  await writeFile(join(directory, 'deploy', '.env'), `PORT=3000\nDATABASE_URL=${url}\n`)
  await writeFile(join(directory, 'deploy', 'old.env'), `DATABASE_URL=${url}\n`)
  const other = `postgres://reporting:${randomBytes(24).toString('hex')}@reports.example:5432/reports`
  await writeFile(join(directory, 'src', 'report.js'), `export const reports = '${other}'\n`)
  await writeFile(join(root, 'leaked.txt'), `${secret}\n`)
  // Beside the repository stands a rule of one's own, which is the one that the manual shows.
  const manual = await readFile(new URL('../docs/scan.md', import.meta.url), 'utf8')
  await mkdir(join(root, 'rules'))
  await writeFile(join(root, 'rules', 'acme-token.yaml'), yamlOf(manual)[0]!)
  const ownership = await readFile(new URL('../docs/ownership.md', import.meta.url), 'utf8')
  const [requirements = '', ofTests = ''] = yamlOf(ownership)
  await writeFile(join(root, 'requirements.yaml'), requirements)
  await writeFile(join(root, 'test.yaml'), ofTests)
  // As after any first command: reading the rules' YAML again in every home would take most of the tests' time.
  await keepRulesIn(home)
  await writeEstate(join(root, 'estate'))
  const posture = await readFile(new URL('../docs/posture.md', import.meta.url), 'utf8')
  await writeFile(join(root, 'estate', 'exceptions.yaml'), yamlOf(posture)[0]!)
  await writeManifests(join(root, 'cluster'))
  await writeBroker(join(root, 'broker'))
  // npx stands for the one of a checkout: it runs what it is told to.
  for (const [name, shift] of [
    ['firebreak', ''],
    ['npx', 'shift; '],
  ] as const) {
    const path = join(root, 'bin', name)
    await writeFile(path, `#!/bin/sh\n${shift}exec '${process.execPath}' '${PROGRAM}' "$@"\n`)
    await chmod(path, 0o755)
  }
  if (server) await makeRole(server, secret)
  const environment = {
    PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
    HOME: root,
    FIREBREAK_HOME: home,
    TMPDIR: tmpdir(),
    NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
    COLUMNS: '80',
    ...(server && {
      PGPORT: String(port),
      PGUSER: server.adminUser,
      PGPASSWORD: server.adminPassword.revealText(),
    }),
  }

  const start = (line: string, stdin = `${secret}\n`, more: NodeJS.ProcessEnv = {}) => {
    const child = spawn('bash', ['-c', line], {
      cwd: directory,
      env: { ...environment, ...more },
      detached: true,
    })
    const outcome = new Promise<Outcome>((resolve, reject) => {
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', chunk => (stdout += chunk))
      child.stderr.on('data', chunk => (stderr += chunk))
      child.on('error', reject)
      child.on('close', exit => resolve({ exit, stdout, stderr }))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    return { child, outcome }
  }
  const git = 'git -c user.name=Ann -c user.email=ann@example.com'
  const prepared = await start(
    `git init -q && git add . && ${git} commit -qm first && git rm -q deploy/old.env && ${git} commit -qm second`,
  ).outcome
  if (prepared.exit !== 0) throw new Error(`the stage could not be set: ${prepared.stderr}`)
  await writeReports(root, url, (await start('git rev-parse HEAD').outcome).stdout.trim())
  return {
    directory,
    home,
    secret,
    start,
    run: (line, options = {}) => start(line, options.stdin, options.environment).outcome,
    async keep() {
      const copy = { recursive: true, preserveTimestamps: true }
      await cp(root, `${root}.kept`, copy)
      return async () => {
        // The repository's own folder stays: by it the directory is known again.
        for (const folder of [directory, root])
          for (const name of await readdir(folder))
            if (join(folder, name) !== directory) await rm(join(folder, name), { recursive: true })
        await cp(`${root}.kept`, root, copy)
      }
    },
    async remove() {
      for (const folder of [root, `${root}.kept`]) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** What a page shows of YAML files, in order. */
function yamlOf(page: string): string[] {
  return [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text!)
}

/** What other scanners would say of the repository. */
async function writeReports(root: string, url: string, commit: string): Promise<void> {
  const [file, line] = ['deploy/.env', 2]
  const secret = new URL(url).password
  const gitleaks = [
    { RuleID: 'generic-api-key', Match: url, Secret: secret, File: file, Commit: commit, StartLine: line },
  ]
  const where = { commit, file, line, repository: `file://${join(root, 'app')}` }
  const trufflehog = { SourceMetadata: { Data: { Git: where } }, DetectorName: 'Postgres', Raw: url }
  const results = { [file]: [{ type: 'Secret Keyword', filename: file, line_number: line }] }
  const reports = join(root, 'reports')
  await mkdir(reports)
  await writeFile(join(reports, 'gitleaks.json'), JSON.stringify(gitleaks))
  await writeFile(join(reports, 'trufflehog.json'), JSON.stringify(trufflehog))
  await writeFile(join(reports, 'baseline.json'), JSON.stringify({ version: '1.5.0', results }))
}

/** The broker's files, as its page has them. */
async function writeBroker(directory: string): Promise<void> {
  const page = await readFile(new URL('../docs/broker.md', import.meta.url), 'utf8')
  const [config = '', cases = ''] = yamlOf(page)
  await mkdir(join(directory, 'policies'), { recursive: true })
  await writeFile(join(directory, 'broker.yaml'), config)
  await writeFile(join(directory, 'policies', 'orders.cedar'), /^```cedar\n(.*?)^```/ms.exec(page)![1]!)
  await writeFile(join(directory, 'policies', 'orders.test.yaml'), cases)
}

/** A cluster's manifests: a pipeline that may deploy, and what it deploys to. */
async function writeManifests(directory: string): Promise<void> {
  await mkdir(directory)
  await writeFile(
    join(directory, 'shop.yaml'),
    `apiVersion: v1
kind: ServiceAccount
metadata: { name: ci, namespace: tools }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: deployers, namespace: shop }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit }
subjects: [{ kind: ServiceAccount, name: ci, namespace: tools }]
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: api
  namespace: shop
  annotations: { eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/release-manager" }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: api, namespace: shop }
spec:
  template:
    spec:
      serviceAccountName: api
      containers: [{ name: api, image: shop/api, envFrom: [{ secretRef: { name: db } }] }]
---
apiVersion: v1
kind: Secret
metadata: { name: db, namespace: shop }
`,
  )
}

/** An AWS account as its export shows it, questions about it, and what must not be reached in it. */
async function writeEstate(directory: string): Promise<void> {
  const account = '123456789012'
  const arn = (path: string) => `arn:aws:iam::${account}:${path}`
  const allow = (Action: string | string[], Resource = '*') => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action, Resource }],
  })
  const user = (name: string, id: string, document: unknown) => ({
    Path: '/',
    UserName: name,
    UserId: id,
    Arn: arn(`user/${name}`),
    CreateDate: '2026-01-02T00:00:00Z',
    GroupList: [],
    AttachedManagedPolicies: [],
    UserPolicyList: [{ PolicyName: 'own', PolicyDocument: document }],
  })
  const details = {
    UserDetailList: [
      user(
        'ci-deployer',
        'AIDAEXAMPLEDEPLOYER00',
        allow(['iam:PassRole', 'lambda:CreateFunction', 'lambda:InvokeFunction']),
      ),
      user('contractor-ann', 'AIDAEXAMPLECONTRACTOR', allow('s3:GetObject')),
    ],
    GroupDetailList: [],
    RoleDetailList: [
      {
        Path: '/',
        RoleName: 'release-manager',
        RoleId: 'AROAEXAMPLERELEASE000',
        Arn: arn('role/release-manager'),
        CreateDate: '2026-01-02T00:00:00Z',
        AssumeRolePolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
          ],
        },
        RolePolicyList: [{ PolicyName: 'own', PolicyDocument: allow('*') }],
        AttachedManagedPolicies: [],
        InstanceProfileList: [],
      },
    ],
    Policies: [],
  }
  const question = {
    id: 1,
    identityPolicies: [allow('s3:GetObject')],
    request: {
      principal: arn('user/contractor-ann'),
      action: 's3:GetObject',
      resource: { resource: 'arn:aws:s3:::reports/may.csv', accountId: account },
    },
  }
  const assertions = `must-not-reach:
  - name: contractors do not administer the account
    from: contractor-*
    to: AWS account ${account}
`
  await mkdir(directory)
  await writeFile(join(directory, 'account.json'), JSON.stringify(details, null, 2))
  await writeFile(join(directory, 'questions.jsonl'), `${JSON.stringify(question)}\n`)
  await writeFile(join(directory, 'must-not-reach.yaml'), assertions)
}

async function makeRole(server: PostgresServer, secret: string): Promise<void> {
  const admin = new Client({
    host: server.host,
    port: server.port,
    user: server.adminUser,
    password: server.adminPassword.revealText(),
    database: server.database,
  })
  await admin.connect()
  await admin.query(`create role app_orders login password '${secret}'`)
  await admin.query('create database firebreak')
  await admin.end()
}
