import type { Connector } from '../../core/contract/connector.ts'
import { type RegistryConfig, registryConfig } from './config.ts'
import { DistributionApi } from './distribution-api.ts'
import { Images } from './images.ts'

/** Images of a registry: each configuration and each layer is a document, read once however many images share it. */
export const registry: Connector<RegistryConfig> = {
  system: 'registry',
  summary: 'Images of a container registry: Docker Hub, GHCR, Harbor, distribution and others',
  config: registryConfig,
  async open(config, io) {
    const api = new DistributionApi(config, io)
    await api.ping()
    const images = new Images(api, config, io)
    return {
      // A registry has no id of its own; where it is, is what its images are called by.
      instance: api.host,
      settleSeconds: 0,
      close: async () => {},
      discover: () => images.discover(),
      documents: () => images.documents(),
    }
  },
}
