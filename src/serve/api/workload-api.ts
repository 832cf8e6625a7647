import { createHash } from 'node:crypto'
import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  type UntypedHandleCall,
} from '@grpc/grpc-js'
import { z } from 'zod'
import { OauthError } from '../../act/broker/oauth-error.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import { storeError } from '../../core/store/store-error.ts'
import type { WorkloadApi } from '../operations/broker/workload-api.ts'
import { closeSocketPlace, openSocketPlace } from './socket-place.ts'
import { encoded, isStream, type MethodName, structOf, workloadService } from './workload-messages.ts'

/** How soon a stream tells of what is other: a key, a list, an SVID that was renewed or ended. */
const LOOK_EVERY_MS = 1_000
const MOST_BYTES = 64 * 1024
const MOST_STREAMS = 128

const jwtAsked = z.object({ audience: z.array(z.string().min(1)).min(1).max(16), spiffe_id: z.string() })
const presented = z.object({ audience: z.string().min(1), svid: z.string().min(1) })

/**
 * SPIFFE's Workload API at one socket, whose directory says who may open it. Gives what closes it. Raises INVALID_CONFIG where
 * anybody could open it, or where another process answers there.
 */
export async function serveWorkloadApi(api: WorkloadApi): Promise<{ close(): Promise<void> }> {
  const { socket } = api
  const server = new Server({
    'grpc.max_receive_message_length': MOST_BYTES,
    'grpc.max_concurrent_streams': MOST_STREAMS,
  })
  const closed = new AbortController()
  server.addService(
    workloadService,
    Object.fromEntries(
      Object.keys(workloadService).map(name => [name, handler(api, name as MethodName, closed.signal)]),
    ),
  )
  await openSocketPlace(socket, path => listen(server, path))
  return {
    async close() {
      closed.abort()
      server.forceShutdown()
      await closeSocketPlace(socket)
    },
  }
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), error =>
      error ? reject(error) : resolve(),
    ),
  )
}

function handler(api: WorkloadApi, name: MethodName, closed: AbortSignal): UntypedHandleCall {
  const answer = async (call: AnyCall) => {
    // SPIFFE Workload Endpoint, section 3: what a request that was forged for us by another server does not have.
    if (call.metadata.get('workload.spiffe.io').join() !== 'true')
      throw new OauthError('invalid_request', 'the metadata workload.spiffe.io: true is missing')
    return encoded(name, await answers[name](api, call.request))
  }
  if (isStream(name))
    return (call: ServerWritableStream<unknown, Buffer>) => void flow(api, call, answer, closed)
  return (call: ServerUnaryCall<unknown, Buffer>, done: sendUnaryData<Buffer>) =>
    void once(api, call, answer, done)
}

async function once(
  api: WorkloadApi,
  call: AnyCall,
  answer: (call: AnyCall) => Promise<Buffer>,
  done: sendUnaryData<Buffer>,
): Promise<void> {
  let bytes: Buffer
  try {
    bytes = await answer(call)
  } catch (error) {
    done(failure(api, error))
    return
  }
  done(null, bytes)
}

type AnyCall = Pick<ServerUnaryCall<unknown, Buffer>, 'request' | 'metadata'>

/** All of it at once, and again whenever it is other; until the caller goes, or may have nothing any more. */
async function flow(
  api: WorkloadApi,
  call: ServerWritableStream<unknown, Buffer>,
  answer: (call: AnyCall) => Promise<Buffer>,
  closed: AbortSignal,
): Promise<void> {
  let sent = ''
  try {
    while (!call.cancelled && !closed.aborted) {
      const bytes = await answer(call)
      const digest = createHash('sha256').update(bytes).digest('base64')
      if (digest !== sent && !call.cancelled) call.write(bytes)
      sent = digest
      await api.io.sleep(LOOK_EVERY_MS)
    }
    call.end()
  } catch (error) {
    if (!call.cancelled && !closed.aborted) call.emit('error', failure(api, error))
  }
}

const answers: Readonly<Record<MethodName, (api: WorkloadApi, asked: unknown) => Promise<object>>> = {
  async FetchX509SVID({ svids }) {
    const own = await svids.x509()
    const { own: bundle, revocationLists, federated } = await svids.x509Bundles()
    return {
      svids: own.map(({ spiffeId, certificate, key }) => ({
        spiffe_id: spiffeId,
        x509_svid: certificate,
        x509_svid_key: key,
        bundle,
      })),
      crl: revocationLists,
      federated_bundles: federated,
    }
  },
  async FetchX509Bundles({ svids, domain }) {
    const { own, revocationLists, federated } = await svids.x509Bundles()
    return { crl: revocationLists, bundles: { ...federated, [domain.id]: own } }
  },
  async FetchJWTSVID({ svids }, asked) {
    const { audience, spiffe_id } = read(jwtAsked, asked)
    const given = await svids.jwt(audience, spiffe_id === '' ? undefined : spiffe_id)
    return { svids: given.map(({ spiffeId, token }) => ({ spiffe_id: spiffeId, svid: token.revealText() })) }
  },
  async FetchJWTBundles({ svids }) {
    const bundles = Object.entries(await svids.jwtBundles())
    return {
      bundles: Object.fromEntries(bundles.map(([id, keys]) => [id, Buffer.from(JSON.stringify(keys))])),
    }
  },
  async ValidateJWTSVID({ validate }, asked) {
    const { audience, svid } = read(presented, asked)
    const { spiffeId, claims } = await validate(svid, audience)
    return { spiffe_id: spiffeId, claims: structOf(claims) }
  },
}

function read<T>(schema: z.ZodType<T>, asked: unknown): T {
  const parsed = schema.safeParse(asked)
  if (parsed.success) return parsed.data
  throw new OauthError('invalid_request', 'what it needs is not said, or too much of it')
}

/** SPIFFE Workload Endpoint, section 6. */
function failure(api: WorkloadApi, raised: unknown): Partial<ServiceError> {
  const error = storeError(raised)
  if (error instanceof OauthError) {
    const { code, message } = error
    if (code === 'temporarily_unavailable') return { code: status.UNAVAILABLE, details: message }
    const mine = code === 'invalid_request' || code === 'invalid_token'
    if (code !== 'server_error')
      return { code: mine ? status.INVALID_ARGUMENT : status.PERMISSION_DENIED, details: message }
  }
  api.onFailure(error)
  const away = isFirebreakError(error) && error.retryable
  return away
    ? { code: status.UNAVAILABLE, details: 'what it needs does not answer' }
    : { code: status.INTERNAL, details: 'the broker failed; its own log says why' }
}
