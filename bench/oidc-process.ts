import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { JWK } from 'jose'
import { Provider } from 'oidc-provider'

/** oidc-provider as its authors ship it, in memory: client credentials with private_key_jwt, for a JWT that Ed25519 signs. */
const { client, id, signing } = JSON.parse(process.argv[2] ?? '{}') as {
  client: JWK
  id: string
  signing: JWK
}
const server = createServer()
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: id,
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'EdDSA',
      id_token_signed_response_alg: 'EdDSA',
      jwks: { keys: [client] },
    } as never,
  ],
  jwks: { keys: [{ ...signing, alg: 'EdDSA', use: 'sig' } as never] },
  enabledJWA: { clientAuthSigningAlgValues: ['EdDSA'], idTokenSigningAlgValues: ['EdDSA'] },
  ttl: { ClientCredentials: 600 },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://reports.example',
      getResourceServerInfo: () => ({
        scope: 'read write',
        audience: 'https://reports.example',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'EdDSA' } },
      }),
    },
  },
})
server.on('request', provider.callback())
process.stderr.write(`listening ${issuer}\n`)
