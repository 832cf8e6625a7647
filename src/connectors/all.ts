import type { Connector } from '../core/contract/connector.ts'
import { aws } from './aws/connector.ts'
import { azure } from './azure/connector.ts'
import { directory } from './directory/connector.ts'
import { gcp } from './gcp/connector.ts'
import { git } from './git/connector.ts'
import { github } from './github/connector.ts'
import { gitlab } from './gitlab/connector.ts'
import { kubernetes } from './kubernetes/connector.ts'
import { mariadb } from './mariadb/connector.ts'
import { nats } from './nats/connector.ts'
import { postgres } from './postgres/connector.ts'
import { rabbitmq } from './rabbitmq/connector.ts'
import { redis } from './redis/connector.ts'
import { registry } from './registry/connector.ts'
import { report } from './report/connector.ts'
import { sealed } from './sealed/connector.ts'
import { slack } from './slack/connector.ts'
import { ssh } from './ssh/connector.ts'
import { x509 } from './x509/connector.ts'

/** Every system that can be connected. A new connector is one more line here. */
export const connectors: readonly Connector[] = [
  git,
  directory,
  postgres,
  mariadb,
  rabbitmq,
  nats,
  redis,
  aws,
  azure,
  gcp,
  github,
  gitlab,
  kubernetes,
  slack,
  ssh,
  x509,
  registry,
  sealed,
  report,
] as readonly Connector[]
