import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Broker } from '../../../act/broker/broker.ts'
import { type BrokerConfig, readBrokerConfig } from '../../../act/broker/broker-config.ts'
import { PolicyBook } from '../../../act/broker/policy-book.ts'
import { SigningKeys } from '../../../act/broker/signing-keys.ts'
import type { World } from '../operation.ts'

/** The file that is meant where none is named. */
export function configFile(world: Pick<World, 'home'>, given: string | undefined): string {
  return given ?? join(world.home, 'broker.yaml')
}

export async function policySchema(world: Pick<World, 'rulesDirectory'>): Promise<string> {
  return await readFile(join(world.rulesDirectory, 'policies', 'broker.cedarschema'), 'utf8')
}

/** The broker as its file has it, with its policies in force. */
export async function openBroker(world: World, file: string): Promise<Broker> {
  const config = await readBrokerConfig(file)
  return await brokerOf(world, config)
}

async function brokerOf(world: World, config: BrokerConfig): Promise<Broker> {
  const { db, io, keys, connections } = world
  const policies = new PolicyBook(db, io, await policySchema(world), config.policies)
  const { refused } = await policies.refresh()
  if (refused)
    world.progress({ kind: 'note', text: `${refused.message}\nThe last good policies stay in force.` })
  const signing = new SigningKeys(db, io, keys, config)
  return { io, keys, connections, config, policies, signing, atWork: new Set() }
}
