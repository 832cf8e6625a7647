import { azurePipelinesReader } from '../../../../src/know/readers/azure-pipelines/azure-pipelines.ts'
import { documentedWeaknesses } from '../documented.ts'

documentedWeaknesses(
  azurePipelinesReader,
  'azure-pipelines.yml',
  new URL('documented', import.meta.url).pathname,
)
