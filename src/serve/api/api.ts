import type { X509Certificate } from 'node:crypto'
import { TLSSocket } from 'node:tls'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OAUTH_ERRORS, OauthError } from '../../act/broker/oauth-error.ts'
import { ERRORS, FirebreakError, isFirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import { storeError } from '../../core/store/store-error.ts'
import type { Presented } from '../../act/broker/attest/possession.ts'
import type { Endpoint, HttpOptions, HttpServer } from '../operations/broker/endpoint.ts'
import { openApi } from './openapi.ts'

const MOST_BYTES = 64 * 1024
const MOST_SIGNED_BYTES = 1024 * 1024
const REQUEST_WITHIN_MS = 30_000

/** Serves endpoints over HTTP, and their description at /openapi.json. */
export async function serveHttp(
  endpoints: readonly Endpoint[],
  version: string,
  options: HttpOptions,
): Promise<HttpServer> {
  const { fastify } = await import('fastify')
  const { tls } = options
  const server = fastify({
    ...(tls && {
      https: {
        minVersion: 'TLSv1.2',
        cert: tls.certificate,
        key: tls.key.revealText(),
        // Who has none is asked for a token; what is not verified is as none.
        ...(tls.clients !== undefined && { ca: tls.clients, requestCert: true, rejectUnauthorized: false }),
      },
    }),
    bodyLimit: MOST_BYTES,
    requestTimeout: REQUEST_WITHIN_MS,
    // What is at work when it is closed is answered; idle connections are not waited for.
    forceCloseConnections: 'idle',
    exposeHeadRoutes: false,
  })
  server.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, formOf(String(body))),
  )
  server.addHook('onSend', async (_request, reply) => {
    // Nothing of it is for anybody but who asked (RFC 6749, section 5.1).
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' })
  })
  server.setNotFoundHandler(async (_request, reply) =>
    refuse(reply, 404, 'invalid_request', 'there is no such address'),
  )
  server.setErrorHandler(async (error, request, reply) => await answerTo(error, request, reply, options))
  await server.register(async signed => {
    // What a signature is over must not be read and written again before it is checked.
    signed.removeAllContentTypeParsers()
    signed.addContentTypeParser(
      '*',
      { parseAs: 'buffer', bodyLimit: MOST_SIGNED_BYTES },
      (_request, body, done) => done(null, body),
    )
    for (const endpoint of endpoints.filter(isSigned)) route(signed, endpoint)
  })
  for (const endpoint of endpoints.filter(each => !isSigned(each))) route(server, endpoint)
  let url = ''
  server.get('/openapi.json', async () => openApi(options.title, version, url, endpoints))
  try {
    url = await server.listen({ host: options.host, port: options.port })
  } catch (error) {
    await server.close()
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new FirebreakError(
      'INVALID_INPUT',
      `nothing can listen on ${options.host}:${options.port}: ${systemReason(error)}`,
      'stop what listens there, or give another --listen',
    )
  }
  return { url, close: () => server.close() }
}

function isSigned({ body }: Endpoint): boolean {
  return body?.type === 'signed'
}

function route(server: FastifyInstance, endpoint: Endpoint): void {
  server.route({
    method: endpoint.method,
    url: endpoint.path.replace(/\{(\w+)\}/g, ':$1'),
    config: { endpoint: endpoint.name },
    handler: async (request, reply) => {
      const answer = await endpoint.run({
        bearer: bearerFor(endpoint, request),
        presented: presentedBy(request),
        parameters: request.params as Record<string, string>,
        input: inputOf(endpoint, request),
      })
      return reply.code(endpoint.status).send(answer)
    },
  })
}

function bearerFor({ caller }: Endpoint, request: FastifyRequest): string {
  if (caller === 'anyone') return ''
  const maybe = caller === 'client' || (caller === 'workload' && certificateOf(request) !== undefined)
  if (maybe && request.headers.authorization === undefined) return ''
  return bearerOf(request)
}

/** Every DPoP header by itself: there must not be two, and joined they would look like one. */
function presentedBy(request: FastifyRequest): Presented {
  const { raw, method } = request
  const path = (raw.url ?? '/').split('?')[0]!
  const proofs = raw.headersDistinct['dpop'] ?? []
  const certificate = certificateOf(request)
  return { method, path, proofs, ...(certificate && { certificate }) }
}

/** What the connection was made with, where TLS has verified it. */
function certificateOf({ raw: { socket } }: FastifyRequest): X509Certificate | undefined {
  return socket instanceof TLSSocket && socket.authorized ? socket.getPeerX509Certificate() : undefined
}

/** RFC 6750, section 2.1: in the header, and nowhere else. */
function bearerOf(request: FastifyRequest): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new OauthError('invalid_token', 'no bearer token was presented')
  return token
}

function inputOf({ body }: Endpoint, request: FastifyRequest): unknown {
  if (!body) return undefined
  if (body.type === 'signed') {
    const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array()
    const header = (name: string) => request.raw.headersDistinct[name]?.[0]
    return { bytes, header }
  }
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== (body.type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'))
    throw new OauthError('invalid_request', `it is taken as ${body.type === 'form' ? 'a form' : 'JSON'} only`)
  const parsed = body.schema.safeParse(request.body)
  if (parsed.success) return parsed.data
  const said = parsed.error.issues.map(issue => `${issue.path.join('.') || 'the input'}: ${issue.message}`)
  throw new OauthError('invalid_request', said.join('; ').slice(0, 500))
}

/** RFC 8693, section 2.1. */
const MAY_BE_SEVERAL = ['resource', 'audience']

/** A parameter that comes twice is refused (RFC 6749, section 3.2), except those of which there may be several. */
function formOf(text: string): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    const before = form[name]
    if (before !== undefined && !MAY_BE_SEVERAL.includes(name))
      throw new OauthError('invalid_request', 'a parameter was given twice')
    // One without a value counts as not given (RFC 6749, section 3.2).
    if (value !== '') form[name] = before === undefined ? value : [before, value].flat()
  }
  return form
}

async function answerTo(
  raised: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  options: HttpOptions,
): Promise<FastifyReply> {
  const error = storeError(raised)
  const { endpoint = 'none' } = request.routeOptions.config as { endpoint?: string }
  if (error instanceof OauthError) {
    await options.onRefusal(endpoint, error)
    const { http } = OAUTH_ERRORS[error.code]
    if (http === 401) {
      // RFC 9728, section 5.1: where it says whose tokens are taken.
      const more = options.resourceMetadata ? `, resource_metadata="${options.resourceMetadata}"` : ''
      reply.header('www-authenticate', `Bearer error="${error.code}"${more}`)
    }
    return refuse(reply.headers({ ...error.headers }), http, error.code, error.message)
  }
  const status = statusOf(error)
  if (status !== undefined && status < 500) {
    const why = 'the request cannot be read, or is too large'
    await options.onRefusal(endpoint, new OauthError('invalid_request', why))
    return refuse(reply, status, 'invalid_request', why)
  }
  options.onFailure(error)
  if (isFirebreakError(error) && error.retryable)
    return refuse(reply, 503, 'temporarily_unavailable', ERRORS[error.code].says)
  // Why stands in our own log: it may tell of the estate.
  return refuse(reply, 500, 'server_error', 'the broker failed; its own log says why')
}

/** What the HTTP server itself refused. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}

function refuse(reply: FastifyReply, status: number, error: string, description: string): FastifyReply {
  return reply.code(status).send({ error, error_description: description })
}
