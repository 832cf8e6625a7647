import { terraformReader } from '../../../../src/know/readers/terraform/terraform.ts'
import { documentedWeaknesses } from '../documented.ts'

// What AWS, Google, Microsoft, HashiCorp and Kubernetes warn of, in texts of our own.
documentedWeaknesses(terraformReader, 'main.tf', new URL('documented', import.meta.url).pathname)
