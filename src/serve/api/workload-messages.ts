import protobuf from 'protobufjs'

/** SPIFFE Workload API, sections 5.1 and 6.1: the service has no package, and these are its fields' numbers. */
const SCHEMA = `
syntax = "proto3";

message Nothing {}
message X509SVIDs {
  repeated X509SVID svids = 1;
  repeated bytes crl = 2;
  map<string, bytes> federated_bundles = 3;
}
message X509SVID {
  string spiffe_id = 1;
  bytes x509_svid = 2;
  bytes x509_svid_key = 3;
  bytes bundle = 4;
  string hint = 5;
}
message X509Bundles {
  repeated bytes crl = 1;
  map<string, bytes> bundles = 2;
}
message JWTSVIDRequest {
  repeated string audience = 1;
  string spiffe_id = 2;
}
message JWTSVIDs {
  repeated JWTSVID svids = 1;
}
message JWTSVID {
  string spiffe_id = 1;
  string svid = 2;
  string hint = 3;
}
message JWTBundles {
  map<string, bytes> bundles = 1;
}
message Presented {
  string audience = 1;
  string svid = 2;
}
message Validated {
  string spiffe_id = 1;
  Struct claims = 2;
}

// google.protobuf.Struct
message Struct {
  map<string, Value> fields = 1;
}
message Value {
  oneof kind {
    int32 null_value = 1;
    double number_value = 2;
    string string_value = 3;
    bool bool_value = 4;
    Struct struct_value = 5;
    ListValue list_value = 6;
  }
}
message ListValue {
  repeated Value values = 1;
}
`

const { root } = protobuf.parse(SCHEMA, { keepCase: true })

/** Each method of the service: what it takes, what it answers, and whether it goes on answering. */
const METHODS = {
  FetchX509SVID: { takes: 'Nothing', gives: 'X509SVIDs', streams: true },
  FetchX509Bundles: { takes: 'Nothing', gives: 'X509Bundles', streams: true },
  FetchJWTSVID: { takes: 'JWTSVIDRequest', gives: 'JWTSVIDs', streams: false },
  FetchJWTBundles: { takes: 'Nothing', gives: 'JWTBundles', streams: true },
  ValidateJWTSVID: { takes: 'Presented', gives: 'Validated', streams: false },
} as const

export type MethodName = keyof typeof METHODS

/** The service as a gRPC server takes it. What comes in is read by its numbers; what goes out is bytes already. */
export const workloadService = Object.fromEntries(
  Object.entries(METHODS).map(([name, { takes, streams }]) => {
    const type = root.lookupType(takes)
    return [
      name,
      {
        path: `/SpiffeWorkloadAPI/${name}`,
        requestStream: false,
        responseStream: streams,
        requestSerialize: (bytes: Buffer) => bytes,
        requestDeserialize: (bytes: Buffer): unknown => type.toObject(type.decode(bytes), { defaults: true }),
        responseSerialize: (bytes: Buffer) => bytes,
        responseDeserialize: (bytes: Buffer) => bytes,
      },
    ]
  }),
)

export function isStream(name: MethodName): boolean {
  return METHODS[name].streams
}

export function encoded(name: MethodName, answer: object): Buffer {
  const type = root.lookupType(METHODS[name].gives)
  return Buffer.from(type.encode(type.fromObject(answer)).finish())
}

/** A JSON object as `google.protobuf.Struct` has it. */
export function structOf(value: Readonly<Record<string, unknown>>): object {
  return { fields: Object.fromEntries(Object.entries(value).map(([name, each]) => [name, valueOf(each)])) }
}

function valueOf(value: unknown): object {
  if (typeof value === 'string') return { string_value: value }
  if (typeof value === 'number') return { number_value: value }
  if (typeof value === 'boolean') return { bool_value: value }
  if (Array.isArray(value)) return { list_value: { values: value.map(valueOf) } }
  if (typeof value === 'object' && value !== null)
    return { struct_value: structOf(value as Record<string, unknown>) }
  return { null_value: 0 }
}
