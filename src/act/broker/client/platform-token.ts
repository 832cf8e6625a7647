import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { systemReason } from '../../../core/contract/system-reason.ts'
import type { Io } from '../../../core/contract/io.ts'
import { Secret } from '../../../core/contract/secret.ts'
import { ask } from './broker-call.ts'

/** Where a token stands that says who asks. */
export type TokenPlace = { readonly file: string } | { readonly environment: string }

/** Where it is looked for when nothing is said. */
export const TOKEN_VARIABLE = 'FIREBREAK_ID_TOKEN'
const TOKEN_MOUNT = '/var/run/secrets/firebreak/token'
const MOST_CHARACTERS = 16_384

const githubAnswer = z.object({ value: z.string().min(1).max(MOST_CHARACTERS) })

/**
 * The token of this workload. Where no place is named: the variable `FIREBREAK_ID_TOKEN`, as GitLab fills it by `id_tokens`;
 * what GitHub Actions gives a job with `id-token: write`, asked for this audience; the token that Kubernetes mounts. A file is
 * read each time, since it is replaced before it expires.
 */
export async function workloadToken(
  io: Pick<Io, 'fetch' | 'signal'>,
  environment: NodeJS.ProcessEnv,
  audience: string,
  place?: TokenPlace,
): Promise<Secret> {
  if (place && 'file' in place) return await tokenInFile(place.file)
  const variable = place?.environment ?? TOKEN_VARIABLE
  const value = environment[variable]
  if (value) return tokenOf(value, `the variable ${variable}`)
  if (place) throw new FirebreakError('NOT_FOUND', `the variable ${variable} is not set`, 'name another one')
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer } = environment
  if (address && bearer) return await ofGithub(io, address, new Secret(bearer), audience)
  try {
    return await tokenInFile(TOKEN_MOUNT)
  } catch {
    throw new FirebreakError(
      'NOT_FOUND',
      'no platform gave this workload a token',
      `at GitHub Actions, permissions: id-token: write; at GitLab, id_tokens: ${TOKEN_VARIABLE}; at Kubernetes, one mounted as ${TOKEN_MOUNT}; else name a file or a variable`,
    )
  }
}

/** https://docs.github.com/en/actions/reference/security/oidc */
async function ofGithub(
  io: Pick<Io, 'fetch' | 'signal'>,
  address: string,
  bearer: Secret,
  audience: string,
): Promise<Secret> {
  const who = 'GitHub’s token service'
  if (!URL.canParse(address)) throw new FirebreakError('INVALID_CONFIG', `${who} has no address that is one`)
  const url = new URL(address)
  url.searchParams.set('audience', audience)
  const { status, body } = await ask(io, who, url, { method: 'GET', bearer })
  const parsed = githubAnswer.safeParse(body)
  if (status === 200 && parsed.success) return new Secret(parsed.data.value)
  throw new FirebreakError(
    status === 401 || status === 403 ? 'DENIED' : 'UNREACHABLE',
    `${who} gave no token (${status})`,
    'the job needs permissions: id-token: write',
  )
}

/** A token that a file holds, and nothing else. */
export async function tokenInFile(path: string): Promise<Secret> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new FirebreakError('NOT_FOUND', `the token in ${path} could not be read: ${systemReason(error)}`)
  }
  return tokenOf(text, path)
}

/** As a header can carry it: nothing else is sent anywhere. */
function tokenOf(text: string, where: string): Secret {
  const token = text.trim()
  if (token.length <= MOST_CHARACTERS && /^[\w.~+/=-]+$/.test(token)) return new Secret(token)
  throw new FirebreakError('INVALID_INPUT', `what stands in ${where} is no bearer token`)
}
