import { createHash, createHmac } from 'node:crypto'
import { Readable } from 'node:stream'
import { BreakableCalls } from '../../core/contract/breakable-calls.ts'
import type { Connector } from '../../core/contract/connector.ts'
import { Secret } from '../../core/contract/secret.ts'
import { type Answer, type Asked, type MemoryAccount, newAccount, refuse } from './memory-account.ts'
import { assumeByToken, iamActions } from './memory-iam.ts'
import { whyDenied } from './memory-session.ts'
import { storeActions } from './memory-stores.ts'
import { type AwsConfig, awsConfig } from './config.ts'
import { openAws } from './connector.ts'

/**
 * AWS in memory, at the wire: it takes the SDK's signed requests and answers as AWS does, so that the connector is run
 * whole. It checks each signature, gives pages, and fails when it is told to.
 */
export interface MemoryAws extends BreakableCalls {
  readonly connector: Connector<AwsConfig>
  readonly account: MemoryAccount
  /** Answers the n-th request from now on with this status, `times` in a row. */
  answerAt(call: number, status: number, code: string, times?: number): void
  answerAsUsual(): void
  /** What it answers to these actions instead, as `secretsmanager.GetSecretValue`. */
  readonly refusals: Map<string, { status: number; code: string }>
  /** What it was asked with the connection's own key, as a policy names it: `iam:ListUsers`. */
  readonly asked: Set<string>
  /** How far the server's clock is ahead of ours. */
  clockOffsetMs: number
}

const CLOCK_SKEW_MS = 5 * 60_000

export function memoryAws(overrides: Partial<AwsConfig> = {}, accountId = '111122223333'): MemoryAws {
  const account = newAccount(accountId)
  let canned: { from: number; to: number; status: number; code: string } | undefined
  const config = awsConfig.parse({
    accessKeyId: account.admin.id,
    secretAccessKey: new Secret(account.admin.secret),
    settleSeconds: 0,
    ...overrides,
  })
  const handler = {
    async handle(request: unknown) {
      return twin.run(() => {
        const asked = read(request as WireRequest)
        if (asked.keyId === account.admin.id) twin.asked.add(policyName(asked.action))
        const isCanned = canned && twin.calls >= canned.from && twin.calls < canned.to
        const refusal = isCanned ? canned : twin.refusals.get(asked.action)
        const answer = refusal
          ? refuse(refusal.status, refusal.code)
          : answerTo(account, asked, twin.clockOffsetMs)
        return { response: write(asked, answer) }
      })
    },
    // The SDK asks its handlers for these.
    httpHandlerConfigs: () => ({}),
    updateHttpClientConfig: () => {},
    destroy: () => {},
  }
  const twin: MemoryAws = Object.assign(new BreakableCalls(broken), {
    account,
    clockOffsetMs: 0,
    refusals: new Map(),
    asked: new Set(),
    connector: {
      system: 'aws',
      summary: 'AWS in memory',
      config: awsConfig,
      open: (given, io) => openAws({ ...config, ...given }, io, handler),
    },
    answerAt(call, status, code, times = 1) {
      const from = twin.calls + call
      canned = { from, to: from + times, status, code }
    },
    answerAsUsual() {
      canned = undefined
    },
  } satisfies Omit<MemoryAws, keyof BreakableCalls>)
  return twin
}

function policyName(action: string): string {
  return action
    .replace(/^AmazonSSM/, 'ssm')
    .replace(/^AmazonSQS/, 'sqs')
    .replace('s3.ListBuckets', 's3.ListAllMyBuckets')
    .replace('s3.GetPublicAccessBlock', 's3.GetBucketPublicAccessBlock')
    .replace(/^AWSOrganizationsV\d+/, 'organizations')
    .replace('.', ':')
}

function broken(): Error {
  return Object.assign(new Error('the connection broke off'), { code: 'ECONNRESET' })
}

interface WireRequest {
  readonly method: string
  readonly hostname: string
  readonly path: string
  readonly query?: Record<string, string | string[] | null>
  readonly headers: Record<string, string>
  readonly body?: string | Uint8Array
}

interface Wired extends Asked {
  readonly protocol: 'query' | 'json' | 'rest' | 's3'
  readonly request: WireRequest
  readonly keyId: string
}

/** By what stands in the query. */
const BUCKET_CALLS: Readonly<Record<string, string>> = {
  policy: 's3.GetBucketPolicy',
  acl: 's3.GetBucketAcl',
  ownershipControls: 's3.GetBucketOwnershipControls',
  publicAccessBlock: 's3.GetPublicAccessBlock',
}

function read(request: WireRequest): Wired {
  const { body: sent = '' } = request
  const body =
    typeof sent === 'string'
      ? sent
      : Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).toString('utf8')
  const credential = /Credential=([^/]+)\/[^/]+\/[^/]+\/([^/]+)\//.exec(
    request.headers['authorization'] ?? '',
  )
  const common = { request, keyId: credential?.[1] ?? '' }
  const target = request.headers['x-amz-target']
  if (target !== undefined)
    return {
      ...common,
      protocol: 'json',
      action: target,
      input: JSON.parse(body || '{}') as Record<string, unknown>,
    }
  if (credential?.[2] === 's3') {
    const Bucket = /^(.+)\.s3[.-]/.exec(request.hostname)?.[1] ?? request.path.slice(1)
    const asked = Object.keys(BUCKET_CALLS).find(name => name in (request.query ?? {}))
    const action = asked === undefined ? 's3.ListBuckets' : BUCKET_CALLS[asked]!
    return { ...common, protocol: 's3', action, input: { ...request.query, Bucket } }
  }
  if (request.method === 'POST') {
    const form = new URLSearchParams(body)
    return {
      ...common,
      protocol: 'query',
      // What needs no signature names no service: that is STS's alone.
      action: `${credential?.[2] ?? 'sts'}.${form.get('Action')}`,
      input: Object.fromEntries(form),
    }
  }
  const [, name, part] = /^\/2015-03-31\/functions\/([^/]+)\/([a-z]+)$/.exec(request.path) ?? []
  return {
    ...common,
    protocol: 'rest',
    action: LAMBDA[`${request.method} ${part ?? ''}`] ?? `${request.method} ${request.path}`,
    input: {
      ...request.query,
      ...(request.method === 'PUT' && (JSON.parse(body) as object)),
      ...(name !== undefined && { FunctionName: decodeURIComponent(name) }),
    },
  }
}

const LAMBDA: Readonly<Record<string, string>> = {
  'GET ': 'lambda.ListFunctions',
  'GET policy': 'lambda.GetPolicy',
  'GET configuration': 'lambda.GetFunctionConfiguration',
  'PUT configuration': 'lambda.UpdateFunctionConfiguration',
}

function answerTo(account: MemoryAccount, asked: Wired, clockOffsetMs: number): Answer {
  if (asked.action === 'sts.AssumeRoleWithWebIdentity') return assumeByToken(account, asked.input)
  const key = account.keyOf(asked.keyId)
  const date = asked.request.headers['x-amz-date'] ?? ''
  const sent = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!key?.active)
    return refuse(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
  if (Math.abs(sent - (Date.now() + clockOffsetMs)) > CLOCK_SKEW_MS)
    return refuse(403, 'SignatureDoesNotMatch', 'Signature expired: it is now earlier than the request')
  if (key.token !== undefined && asked.request.headers['x-amz-security-token'] !== key.token)
    return refuse(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.')
  if (!isSigned(asked.request, key.secret))
    return refuse(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match')
  if (key.until && key.until.getTime() <= Date.now() + clockOffsetMs)
    return refuse(403, 'ExpiredToken', 'The security token included in the request is expired')
  const why = asked.action === 'sts.GetCallerIdentity' ? undefined : whyDenied(key, policyName(asked.action))
  if (why !== undefined) return refuse(403, 'AccessDenied', why)
  const action = { ...iamActions, ...storeActions }[asked.action]
  return action ? action(account, asked, key) : refuse(400, 'InvalidAction')
}

/** Signature version 4: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html */
function isSigned(request: WireRequest, secret: string): boolean {
  const { authorization = '' } = request.headers
  const [, scope, signed, signature] =
    /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]+)/.exec(authorization) ?? []
  if (!scope || !signed) return false
  const query = Object.entries(request.query ?? {})
    .flatMap(([name, value]) => [value].flat().map(one => `${encode(name)}=${encode(one ?? '')}`))
    .sort()
    .join('&')
  const headers = signed.split(';').map(name => `${name}:${(request.headers[name] ?? '').trim()}\n`)
  const canonical = [
    request.method,
    request.path.split('/').map(encode).join('/'),
    query,
    headers.join(''),
    signed,
    request.headers['x-amz-content-sha256'],
  ].join('\n')
  const hash = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, hash].join('\n')
  const hmac = (key: string | Buffer, value: string) => createHmac('sha256', key).update(value).digest()
  const [day, region, service, end] = scope.split('/') as [string, string, string, string]
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), end)
  return hmac(key, text).toString('hex') === signature
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, it => `%${it.charCodeAt(0).toString(16).toUpperCase()}`)
}

function write(asked: Wired, answer: Answer) {
  const { status, body } =
    asked.protocol === 'query'
      ? inXml(asked, answer)
      : asked.protocol === 's3'
        ? ofS3(answer)
        : inJson(answer)
  const type = ['query', 's3'].includes(asked.protocol) ? 'text/xml' : 'application/x-amz-json-1.1'
  const code: Record<string, string> = 'code' in answer ? { 'x-amzn-errortype': answer.code } : {}
  return {
    statusCode: status,
    headers: { 'content-type': type, ...code },
    body: Readable.from([Buffer.from(body)]),
  }
}

function inXml(asked: Wired, answer: Answer): { status: number; body: string } {
  if ('code' in answer) {
    const error = { Type: 'Sender', Code: answer.code, Message: answer.message }
    return {
      status: answer.status,
      body: `<ErrorResponse>${xml({ Error: error, RequestId: '1' })}</ErrorResponse>`,
    }
  }
  const name = asked.action.slice(asked.action.indexOf('.') + 1)
  const body = { [`${name}Result`]: answer.output, ResponseMetadata: { RequestId: '1' } }
  return { status: 200, body: `<${name}Response>${xml(body)}</${name}Response>` }
}

/** S3 answers with what it keeps, or with XML of its own form. */
function ofS3(answer: Answer): { status: number; body: string } {
  if (!('code' in answer)) return { status: 200, body: String(answer.output['body']) }
  return {
    status: answer.status,
    body: `<Error>${xml({ Code: answer.code, Message: answer.message })}</Error>`,
  }
}

function xml(value: unknown): string {
  if (Array.isArray(value)) return value.map(member => `<member>${xml(member)}</member>`).join('')
  if (value instanceof Date) return value.toISOString()
  if (value === null || typeof value !== 'object')
    return String(value).replace(/[<>&"]/g, it => `&#${it.charCodeAt(0)};`)
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) =>
      // A map is a list of entries.
      name === 'entry' && Array.isArray(member)
        ? member.map(entry => `<entry>${xml(entry)}</entry>`).join('')
        : `<${name}>${xml(member)}</${name}>`,
    )
    .join('')
}

function inJson(answer: Answer): { status: number; body: string } {
  if ('code' in answer)
    return { status: answer.status, body: JSON.stringify({ __type: answer.code, message: answer.message }) }
  return { status: 200, body: JSON.stringify(answer.output) }
}
