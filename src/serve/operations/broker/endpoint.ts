import type { ZodType } from 'zod'
import type { Secret } from '../../../core/contract/secret.ts'
import type { OauthError } from '../../../act/broker/oauth-error.ts'
import type { Presented } from '../../../act/broker/attest/possession.ts'

/**
 * Who may call: anybody, a workload that presents a token of its own, who has a lease's handle, or a client of OAuth, who says
 * in the form who it is.
 */
export type Caller = 'anyone' | 'workload' | 'handle' | 'client'

/** What came with a call; `bearer` is there where the caller has to present something, and may be there of a client. */
export interface Call<Input> {
  readonly bearer: string
  readonly presented: Presented
  readonly parameters: Readonly<Record<string, string>>
  readonly input: Input
}

/** One thing that can be done over HTTP. The server, and its description in OpenAPI, are derived wholly from these. */
export interface Endpoint<Input = unknown> {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** With `{id}` for what stands in it. */
  readonly path: string
  readonly summary: string
  readonly caller: Caller
  readonly status: 200 | 201
  /** How the input comes: OAuth's own endpoints take forms; what is signed as a whole comes as it is, a `Delivery`, and the schema tells of it. */
  readonly body?: { readonly type: 'json' | 'form' | 'signed'; readonly schema: ZodType<Input> }
  readonly answer: ZodType
  run(call: Call<Input>): Promise<unknown>
}

export function defineEndpoint<Input>(endpoint: Endpoint<Input>): Endpoint {
  return endpoint as Endpoint
}

/** An HTTP server that main.ts makes of endpoints. */
export interface HttpServer {
  readonly url: string
  close(): Promise<void>
}

export interface HttpOptions {
  readonly title: string
  /** Where it says whose tokens it takes (RFC 9728). */
  readonly resourceMetadata?: string
  readonly host: string
  /** Without, it speaks plain HTTP. PEM; with `clients`, certificates of these authorities are asked for. */
  readonly tls?: { readonly certificate: string; readonly key: Secret; readonly clients?: string }
  readonly port: number
  /** Told of what is no refusal, and of no caller's making. */
  onFailure(error: unknown): void
  /** Told of each refusal before it is answered. */
  onRefusal(endpoint: string, error: OauthError): Promise<void>
}
