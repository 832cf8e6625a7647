import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'
import { terraformLooseSubject } from './terraform-loose-subject.ts'
import { terraformOpenTrust } from './terraform-open-trust.ts'
import { terraformProviderKey } from './terraform-provider-key.ts'
import { terraformSecretInDefault } from './terraform-secret-in-default.ts'
import { terraformSecretOutput } from './terraform-secret-output.ts'
import { terraformStateInClear } from './terraform-state-in-clear.ts'
import { terraformStaticKey } from './terraform-static-key.ts'
import { terraformUnpinnedModule } from './terraform-unpinned-module.ts'
import { terraformWideGrant } from './terraform-wide-grant.ts'

/** What no file of Terraform should do. */
export const terraformWeaknesses: readonly Weakness<TerraformFile, TerraformResource>[] = [
  terraformLooseSubject,
  terraformOpenTrust,
  terraformProviderKey,
  terraformSecretInDefault,
  terraformSecretOutput,
  terraformStateInClear,
  terraformStaticKey,
  terraformUnpinnedModule,
  terraformWideGrant,
]
