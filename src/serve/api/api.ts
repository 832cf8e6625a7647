import type { FastifyReply, FastifyRequest } from 'fastify'
import { OAUTH_ERRORS, OauthError } from '../../act/broker/oauth-error.ts'
import { ERRORS, isFirebreakError } from '../../core/contract/errors.ts'
import { storeError } from '../../core/store/store-error.ts'
import type { Endpoint, HttpOptions, HttpServer } from '../operations/broker/endpoint.ts'
import { openApi } from './openapi.ts'

const MOST_BYTES = 64 * 1024
const REQUEST_WITHIN_MS = 30_000

/** Serves endpoints over HTTP, and their description at /openapi.json. */
export async function serveHttp(
  endpoints: readonly Endpoint[],
  version: string,
  options: HttpOptions,
): Promise<HttpServer> {
  const { fastify } = await import('fastify')
  const server = fastify({
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
  for (const endpoint of endpoints)
    server.route({
      method: endpoint.method,
      url: endpoint.path.replace(/\{(\w+)\}/g, ':$1'),
      handler: async (request, reply) => {
        const answer = await endpoint.run({
          bearer: endpoint.caller === 'anyone' ? '' : bearerOf(request),
          parameters: request.params as Record<string, string>,
          input: inputOf(endpoint, request),
        })
        return reply.code(endpoint.status).send(answer)
      },
    })
  let url = ''
  server.get('/openapi.json', async () => openApi(options.title, version, url, endpoints))
  server.setNotFoundHandler(async (_request, reply) =>
    refuse(reply, 404, 'invalid_request', 'there is no such address'),
  )
  server.setErrorHandler(async (error, _request, reply) => answerTo(error, reply, options))
  url = await server.listen({ host: options.host, port: options.port })
  return { url, close: () => server.close() }
}

/** RFC 6750, section 2.1: in the header, and nowhere else. */
function bearerOf(request: FastifyRequest): string {
  const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (token === undefined) throw new OauthError('invalid_token', 'no bearer token was presented')
  return token
}

function inputOf({ body }: Endpoint, request: FastifyRequest): unknown {
  if (!body) return undefined
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (type !== (body.type === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'))
    throw new OauthError('invalid_request', `it is taken as ${body.type === 'form' ? 'a form' : 'JSON'} only`)
  const parsed = body.schema.safeParse(request.body)
  if (parsed.success) return parsed.data
  const said = parsed.error.issues.map(issue => `${issue.path.join('.') || 'the input'}: ${issue.message}`)
  throw new OauthError('invalid_request', said.join('; ').slice(0, 500))
}

/** A parameter that comes twice is refused (RFC 6749, section 3.2), except those of which there may be several. */
function formOf(text: string): Record<string, string> {
  const form: Record<string, string> = Object.create(null)
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in form) throw new OauthError('invalid_request', 'a parameter was given twice')
    form[name] = value
  }
  return form
}

function answerTo(raised: unknown, reply: FastifyReply, options: HttpOptions): FastifyReply {
  const error = storeError(raised)
  if (error instanceof OauthError) {
    const { http } = OAUTH_ERRORS[error.code]
    if (http === 401) reply.header('www-authenticate', `Bearer error="${error.code}"`)
    return refuse(reply, http, error.code, error.message)
  }
  const status = statusOf(error)
  if (status !== undefined && status < 500)
    return refuse(reply, status, 'invalid_request', 'the request cannot be read, or is too large')
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
