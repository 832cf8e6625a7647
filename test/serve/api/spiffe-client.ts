import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** The service as SPIFFE's specification has it, written down for the test and read by nothing else. */
const PROTO = `
syntax = "proto3";
message X509SVIDRequest {}
message X509SVIDResponse { repeated X509SVID svids = 1; repeated bytes crl = 2; map<string, bytes> federated_bundles = 3; }
message X509SVID { string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4; string hint = 5; }
message X509BundlesRequest {}
message X509BundlesResponse { repeated bytes crl = 1; map<string, bytes> bundles = 2; }
message JWTSVIDRequest { repeated string audience = 1; string spiffe_id = 2; }
message JWTSVIDResponse { repeated JWTSVID svids = 1; }
message JWTSVID { string spiffe_id = 1; string svid = 2; string hint = 3; }
message JWTBundlesRequest {}
message JWTBundlesResponse { map<string, bytes> bundles = 1; }
message ValidateJWTSVIDRequest { string audience = 1; string svid = 2; }
message ValidateJWTSVIDResponse { string spiffe_id = 1; google.protobuf.Struct claims = 2; }`

const STRUCT = protobuf.common.get('google/protobuf/struct.proto')
const { root } = protobuf.parse(PROTO, { keepCase: true })
if (STRUCT?.nested) root.addJSON(STRUCT.nested)

export interface X509Answer {
  readonly svids: readonly {
    readonly spiffe_id: string
    readonly x509_svid: Buffer
    readonly x509_svid_key: Buffer
    readonly bundle: Buffer
  }[]
  readonly crl: readonly Buffer[]
  readonly federated_bundles: Readonly<Record<string, Buffer>>
}

/** A client of SPIFFE's Workload API. */
export class SpiffeClient {
  readonly #client: Client
  readonly metadata = new Metadata()

  constructor(socket: string) {
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure())
    this.metadata.set('workload.spiffe.io', 'true')
  }

  async ask<T>(method: string, request: string, response: string, body: object): Promise<T> {
    return await new Promise((resolve, reject) =>
      this.#client.makeUnaryRequest(
        `/SpiffeWorkloadAPI/${method}`,
        serialize(request),
        deserialize<T>(response),
        body,
        this.metadata,
        (error: ServiceError | null, value?: T) => (error ? reject(error) : resolve(value!)),
      ),
    )
  }

  /** Each answer as it comes; `cancel` when there were enough. */
  follow<T>(method: string, message: string): AsyncIterableIterator<T> & { cancel(): void } {
    const call = this.#client.makeServerStreamRequest(
      `/SpiffeWorkloadAPI/${method}`,
      serialize(`${message}Request`),
      deserialize<T>(`${message}Response`),
      {},
      this.metadata,
    )
    const answers = call[Symbol.asyncIterator]() as AsyncIterableIterator<T>
    return Object.assign(answers, { cancel: () => call.cancel() })
  }

  async first<T>(method: string, message: string): Promise<T> {
    const stream = this.follow<T>(method, message)
    try {
      return ((await stream.next()) as { value: T }).value
    } finally {
      stream.cancel()
      // A call that was cancelled ends with an error of its own.
      await stream.next().catch(() => {})
    }
  }

  close(): void {
    this.#client.close()
  }
}

function serialize(name: string): (body: object) => Buffer {
  const type = root.lookupType(name)
  return body => Buffer.from(type.encode(type.fromObject(body)).finish())
}

function deserialize<T>(name: string): (bytes: Buffer) => T {
  const type = root.lookupType(name)
  return bytes => type.toObject(type.decode(bytes), { defaults: true }) as T
}
