import { declared } from '../../../src/connectors/declared/connector.ts'
import type { Limits } from '../../../src/connectors/declared/exchange.ts'
import { type DeclaredKind, revokeStep, verifyStep } from '../../../src/core/contract/declared-step.ts'
import { type Io, realIo } from '../../../src/core/contract/io.ts'
import { reply, type VendorServer } from './vendor-server.ts'

export const TOKEN = ['tok_', 'Qm4', 'Zx81', 'LrT0', 'vKe7'].join('')
export const REF = { system: 'acme', instance: '?', kind: 'acme-token', id: 'fp:1' }

export const bearer = { Authorization: 'Bearer {{value}}' }
export const plain = {
  http: {
    method: 'GET',
    url: 'https://api.acme.example/me',
    headers: bearer,
    live: { status: [200] },
    dead: { status: [401] },
  },
}
const ended = {
  http: {
    method: 'DELETE',
    url: 'https://api.acme.example/me',
    headers: bearer,
    done: { status: [204, 404] },
  },
}

export function kindOf(verify: unknown, revoke: unknown = ended): DeclaredKind {
  return {
    id: 'acme-token',
    name: 'Acme token',
    system: 'acme',
    keywords: ['tok_'],
    verify: verifyStep.parse(verify),
    revoke: revokeStep.parse(revoke),
  }
}

/** A connection to whom `vendors` stands for. */
export async function openAt(
  vendors: VendorServer,
  kind: DeclaredKind,
  io: Partial<Io> = {},
  limits: Partial<Limits> = {},
) {
  return await declared(async () => [kind], limits).open({}, { ...realIo(), fetch: vendors.fetch, ...io })
}

/** Live with this token, dead with any other. */
export function acceptAt(vendors: VendorServer, token = TOKEN, status = 401): void {
  vendors.answer = ({ headers }, response) =>
    reply(response, headers.authorization === `Bearer ${token}` ? 200 : status, {})
}
