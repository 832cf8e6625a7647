import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Broker } from '../../../act/broker/broker.ts'
import { type BrokerConfig, readBrokerConfig } from '../../../act/broker/broker-config.ts'
import { IssuerKeys } from '../../../act/broker/attest/issuer-keys.ts'
import { keepAll } from '../../../act/broker/ledger/keep-all.ts'
import { type Keep, Ledger } from '../../../act/broker/ledger/ledger.ts'
import type { OauthError } from '../../../act/broker/oauth-error.ts'
import { PolicyBook } from '../../../act/broker/decision/policy-book.ts'
import { SigningKeys } from '../../../act/broker/token/signing-keys.ts'
import { ownTrustDomain } from '../../../act/broker/spiffe/trust-domain.ts'
import { FirebreakError } from '../../../core/contract/errors.ts'
import { systemReason } from '../../../core/contract/system-reason.ts'
import { Secret } from '../../../core/contract/secret.ts'
import type { World } from '../operation.ts'
import type { HttpOptions } from './endpoint.ts'

/** The file that is meant where none is named. */
export function configFile(world: Pick<World, 'home'>, given: string | undefined): string {
  return given ?? join(world.home, 'broker.yaml')
}

export async function policySchema(world: Pick<World, 'rulesDirectory'>): Promise<string> {
  return await readFile(join(world.rulesDirectory, 'policies', 'broker.cedarschema'), 'utf8')
}

/** The broker as its file has it, with its policies in force. `keep` is how what it answers comes onto the disk, where not by itself. */
export async function openBroker(world: World, file: string, keep?: Keep): Promise<Broker> {
  const { db, io, keys, connections } = world
  const config = await readBrokerConfig(file)
  const policies = new PolicyBook(db, io, await policySchema(world), config.policies)
  const { refused } = await policies.refresh()
  if (refused)
    world.progress({ kind: 'note', text: `${refused.message}\nThe last good policies stay in force.` })
  const signing = new SigningKeys(db, io, keys, config)
  return {
    io,
    keys,
    connections,
    config,
    policies,
    signing,
    spiffe: ownTrustDomain(db, io, keys, config),
    issuers: new IssuerKeys(io),
    ledger: new Ledger(keep ?? (batch => keepAll(db, batch)), io),
    atWork: new Set(),
  }
}

/** What its HTTP server is given: where it says of itself what it takes, and that every refusal is recorded. */
export async function httpOptions(
  broker: Broker,
): Promise<Pick<HttpOptions, 'title' | 'resourceMetadata' | 'onRefusal' | 'tls'>> {
  const { origin, pathname } = new URL(broker.config.issuer)
  return {
    title: 'Firebreak broker',
    ...(broker.config.tls && { tls: await readTls(broker.config.tls) }),
    resourceMetadata: `${origin}/.well-known/oauth-protected-resource${pathname.replace(/\/$/, '')}`,
    async onRefusal(endpoint: string, error: OauthError) {
      if (error.recorded) return
      const body = { endpoint, error: error.code, why: error.message }
      await broker.ledger.keepRefusal('broker.refused', body)
    },
  }
}

async function readTls(tls: NonNullable<BrokerConfig['tls']>): Promise<NonNullable<HttpOptions['tls']>> {
  const pem = async (file: string) => {
    try {
      return await readFile(file, 'utf8')
    } catch (error) {
      throw new FirebreakError(
        'INVALID_CONFIG',
        `${file} could not be read: ${systemReason(error)}`,
        'see `tls` in broker.yaml',
      )
    }
  }
  return {
    certificate: await pem(tls.certificate),
    key: new Secret(await pem(tls.key)),
    ...(tls.clients !== undefined && { clients: await pem(tls.clients) }),
  }
}
