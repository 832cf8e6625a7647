import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { LeaseAddress } from '../src/act/broker/client/broker-client.ts'
import { loginEnvironment, natsUrl } from '../src/serve/operations/login-environment.ts'
import { call, refusal, textIn } from './call.ts'
import { fail, hand, input, mask, warn } from './runner.ts'

/** Asks the broker with the job's own token, and gives what comes back to the steps that follow. */
try {
  await begin()
} catch (error) {
  fail(error instanceof Error ? error.message : 'it failed')
}

async function begin(): Promise<void> {
  const broker = input('broker').replace(/\/+$/, '')
  const bearer = await jobToken(input('audience') || broker)
  const scopes = input('scopes').split(/\s+/).filter(Boolean)
  const ttl = input('ttl-seconds')
  const { GITHUB_WORKFLOW, GITHUB_JOB, GITHUB_RUN_ID } = process.env
  const task = input('task') || `${GITHUB_WORKFLOW} ${GITHUB_JOB} ${GITHUB_RUN_ID}`.slice(0, 256)
  const { status, body } = await call('the broker', `${broker}/leases`, {
    method: 'POST',
    bearer,
    json: {
      name: input('lease'),
      task,
      ...(scopes.length > 0 && { scopes }),
      ...(ttl !== '' && { ttlSeconds: Number(ttl) }),
    },
  })
  if (status !== 201) throw new Error(`no lease of ${input('lease')}: ${refusal(body)}`)
  const lease = body['lease']
  const id = textIn(lease, 'id')
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new Error('what answers is no broker, or one of another version')
  // Before all else: whatever becomes of this step, the job's end ends the lease.
  const handle = textIn(body, 'handle')
  mask(handle)
  hand('STATE', 'broker', broker)
  hand('STATE', 'lease', id)
  hand('STATE', 'handle', handle)
  hand('OUTPUT', 'id', id)
  hand('OUTPUT', 'not-after', textIn(lease, 'notAfter'))
  if ((lease as { standing?: unknown }).standing === true)
    warn('a standing secret: it stays good when the lease ends, until it is changed')
  // The runner keeps variables of its own.
  for (const [name, value] of Object.entries({ FIREBREAK_LEASE: id, ...handOver(body) }))
    if (value !== undefined && !name.startsWith('GITHUB_')) hand('ENV', name, value)
}

/** The variables of `firebreak exec`, and keys in files beside. */
function handOver(body: Readonly<Record<string, unknown>>): NodeJS.ProcessEnv {
  const accessToken = textIn(body, 'accessToken')
  if (accessToken !== '') {
    mask(accessToken)
    return { FIREBREAK_ACCESS_TOKEN: accessToken }
  }
  const { credential } = body
  const at = credential as LeaseAddress
  const [user, password, privateKey] = ['user', 'password', 'privateKey'].map(name =>
    textIn(credential, name),
  )
  const sessionToken = textIn(credential, 'sessionToken') || undefined
  for (const secret of [password, privateKey, sessionToken]) mask(secret ?? '')
  const about = { FIREBREAK_USER: user }
  if (at.system === 'nats')
    return { ...about, NATS_URL: natsUrl(at), NATS_CREDS: keep('user.creds', password!) }
  if (password !== '')
    return {
      ...about,
      FIREBREAK_PASSWORD: password,
      ...loginEnvironment({ ...at, user: user!, password: password!, sessionToken }),
    }
  const FIREBREAK_KEY_FILE = keep('key', privateKey!)
  const FIREBREAK_CERTIFICATE_FILE = keep('key-cert.pub', textIn(credential, 'certificate'))
  const ssh = { GIT_SSH_COMMAND: `ssh -i ${FIREBREAK_KEY_FILE} -o IdentitiesOnly=yes` }
  return { ...about, FIREBREAK_KEY_FILE, FIREBREAK_CERTIFICATE_FILE, ...(at.system === 'ssh' && ssh) }
}

let folder: string | undefined

/** For this user alone, until the job's end. */
function keep(name: string, content: string): string {
  if (folder === undefined) {
    folder = mkdtempSync(join(process.env['RUNNER_TEMP'] ?? tmpdir(), 'firebreak-lease-'))
    hand('STATE', 'folder', folder)
  }
  const file = join(folder, name)
  writeFileSync(file, content, { mode: 0o600 })
  return file
}

/** https://docs.github.com/en/actions/reference/security/oidc */
async function jobToken(audience: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = process.env
  if (!address || !bearer) throw new Error('the job gets no token: it needs permissions: id-token: write')
  const url = new URL(address)
  url.searchParams.set('audience', audience)
  const { status, body } = await call('GitHub’s token service', url.href, { method: 'GET', bearer })
  const token = textIn(body, 'value')
  if (status !== 200 || token === '') throw new Error(`GitHub’s token service gave no token (${status})`)
  mask(token)
  return token
}
