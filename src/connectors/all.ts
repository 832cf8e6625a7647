import type { Connector, ConnectorLoaders } from '../core/contract/connector.ts'

/**
 * Every system that can be connected, under its name. Each is loaded when it is needed: all together take longer than a scan
 * of something small. A new connector is one more line here.
 */
export const connectors = {
  git: async () => (await import('./git/connector.ts')).git,
  directory: async () => (await import('./directory/connector.ts')).directory,
  postgres: async () => (await import('./postgres/connector.ts')).postgres,
  mariadb: async () => (await import('./mariadb/connector.ts')).mariadb,
  rabbitmq: async () => (await import('./rabbitmq/connector.ts')).rabbitmq,
  nats: async () => (await import('./nats/connector.ts')).nats,
  redis: async () => (await import('./redis/connector.ts')).redis,
  aws: async () => (await import('./aws/connector.ts')).aws,
  azure: async () => (await import('./azure/connector.ts')).azure,
  gcp: async () => (await import('./gcp/connector.ts')).gcp,
  github: async () => (await import('./github/connector.ts')).github,
  gitlab: async () => (await import('./gitlab/connector.ts')).gitlab,
  kubernetes: async () => (await import('./kubernetes/connector.ts')).kubernetes,
  slack: async () => (await import('./slack/connector.ts')).slack,
  ssh: async () => (await import('./ssh/connector.ts')).ssh,
  x509: async () => (await import('./x509/connector.ts')).x509,
  registry: async () => (await import('./registry/connector.ts')).registry,
  sealed: async () => (await import('./sealed/connector.ts')).sealed,
  report: async () => (await import('./report/connector.ts')).report,
} as Readonly<Record<string, () => Promise<unknown>>> as ConnectorLoaders

export async function allConnectors(): Promise<readonly Connector[]> {
  return await Promise.all(Object.values(connectors).map(load => load()))
}
