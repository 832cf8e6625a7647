import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Json, Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import type { GcpConfig } from './config.ts'
import { refused, unreachable } from './failure.ts'
import { exchange, type Signer, signerOf } from './token.ts'

/** The project as our own service account sees it. */
export interface Project {
  readonly config: GcpConfig
  readonly io: Io
  /** Its id, which no other project is ever given. */
  readonly instance: string
  readonly number: string
  /** Asks `https://HOST.googleapis.com/PATH`; where the server asks for patience, again. */
  get(doing: string, host: Host, path: string): Promise<unknown>
  /** Every page of a list, by the name of the list in the answers. */
  list<T>(doing: string, host: Host, path: string, name: string, item: z.ZodType<T>): AsyncGenerator<T>
  /** Asks, by a method that is no look: `POST` of a policy. */
  ask(doing: string, host: Host, path: string): Promise<unknown>
  /** Changes something, once the project has shown to be the same. */
  change(doing: string, method: 'POST' | 'DELETE', host: Host, path: string, body?: Json): Promise<unknown>
  /** Whether the id still leads to this project. */
  stillHere(): Promise<boolean>
}

type Host = 'cloudresourcemanager' | 'iam' | 'secretmanager'

const MOST_ATTEMPTS = 5
const FIRST_PAUSE_MS = 100
/** A token is asked for anew before it ends. */
const SPARE_MS = 60_000

const keyFile = z.looseObject({ client_email: z.string(), private_key: z.string() })
const projectSchema = z.looseObject({ projectId: z.string(), projectNumber: z.string() })

export async function openProject(config: GcpConfig, io: Io): Promise<Project> {
  const signer = ownSigner(config)
  let token: { value: string; until: number } | undefined
  const ownToken = async (): Promise<string> => {
    const now = io.now().getTime()
    if (token && token.until > now) return token.value
    const given = await exchange(io, signer, config.requestTimeoutMs).catch((error: unknown) => {
      throw unreachable(error, 'asking for a token')
    })
    if (!('token' in given))
      throw given.status >= 500
        ? refused(given.status, 'asking for a token')
        : new FirebreakError(
            'DENIED',
            'asking for a token: our own key was refused',
            'Give the connection another key.',
          )
    token = { value: given.token, until: now + given.expiresInSeconds * 1000 - SPARE_MS }
    return token.value
  }
  const once = async (doing: string, method: string, host: Host, path: string, body?: Json) => {
    const authorization = `Bearer ${await ownToken()}`
    try {
      const answer = await io.fetch(`https://${host}.googleapis.com/${path}`, {
        method,
        headers: { Authorization: authorization, 'Content-Type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.any([io.signal, AbortSignal.timeout(config.requestTimeoutMs)]),
      })
      return { status: answer.status, body: (await answer.json().catch(() => undefined)) as unknown }
    } catch (error) {
      if (io.signal.aborted) throw io.signal.reason
      throw unreachable(error, doing)
    }
  }
  const patiently = async (doing: string, method: string, host: Host, path: string) => {
    for (let attempt = 1; ; attempt++) {
      const { status, body } = await once(doing, method, host, path)
      if (status < 300) return body
      const asksForPatience = status === 429 || (status >= 500 && status !== 501)
      if (!asksForPatience || attempt === MOST_ATTEMPTS) throw refused(status, doing)
      await io.sleep(FIRST_PAUSE_MS * 2 ** attempt)
    }
  }
  const askProject = async () =>
    projectSchema.parse(
      await patiently(
        'asking which project it is',
        'GET',
        'cloudresourcemanager',
        `v1/projects/${config.project}`,
      ),
    )
  const { projectId: instance, projectNumber: number } = await askProject()
  const project: Project = {
    config,
    io,
    instance,
    number,
    get: (doing, host, path) => patiently(doing, 'GET', host, path),
    ask: (doing, host, path) => patiently(doing, 'POST', host, path),
    async *list(doing, host, path, name, item) {
      let pageToken = ''
      do {
        const query = new URLSearchParams({
          pageSize: String(config.pageSize),
          ...(pageToken && { pageToken }),
        })
        const page = z
          .looseObject({ [name]: z.array(item).default([]), nextPageToken: z.string().default('') })
          .parse(await patiently(doing, 'GET', host, `${path}?${query}`))
        yield* page[name] as (typeof item)['_output'][]
        pageToken = page.nextPageToken as string
      } while (pageToken)
    },
    stillHere: async () => (await askProject()).projectNumber === number,
    async change(doing, method, host, path, body) {
      if (!(await project.stillHere()))
        throw new FirebreakError(
          'CONFLICT',
          `${config.project} is another project now, expected number ${number}`,
          'Find out whose it is; open a new connection for it if it is meant.',
        )
      const answer = await once(doing, method, host, path, body)
      if (answer.status >= 300) throw refused(answer.status, doing)
      return answer.body
    },
  }
  return project
}

function ownSigner({ key }: GcpConfig): Signer {
  let read
  try {
    read = keyFile.safeParse(JSON.parse(key.revealText()))
  } catch {
    read = undefined
  }
  const signer = read?.success
    ? signerOf(read.data.client_email, new Secret(read.data.private_key))
    : undefined
  if (!signer)
    throw new FirebreakError(
      'INVALID_CONFIG',
      'the key is no JSON file of a service account',
      'Give all of the file that Google handed out, as --key file:PATH.',
    )
  return signer
}

export function refIn(project: Pick<Project, 'instance'>, kind: string, id: string): Ref {
  return { system: 'gcp', instance: project.instance, kind, id }
}

/** Raises CONFLICT for another project's thing, UNSUPPORTED for one of another kind. */
export function mustBeHere(project: Pick<Project, 'instance'>, ref: Ref, ...kinds: string[]): void {
  if (ref.system !== 'gcp' || !kinds.includes(ref.kind))
    throw new FirebreakError(
      'UNSUPPORTED',
      `${ref.system} ${ref.kind} is no ${kinds.join(' or ')} of Google Cloud`,
    )
  if (ref.instance !== project.instance)
    throw new FirebreakError(
      'CONFLICT',
      `the reference is to project ${ref.instance}, this is ${project.instance}`,
      'Use the connection of that project.',
    )
}
