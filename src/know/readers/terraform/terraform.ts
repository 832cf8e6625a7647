import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

/**
 * Files of Terraform and OpenTofu, and their state: identities, keys and grants that they make, whom they trust, where they put
 * secrets; and what is weak in them by line. https://developer.hashicorp.com/terraform/language
 */
export const terraformReader: Reader = {
  format: 'terraform',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'terraform' || format === 'terraform-state'
    if (/\.(?:tf|tofu)$/i.test(path)) return true
    if (!/tfstate(?:\.|$)|(?:^|\/)terraform\.state$|\.json$/i.test(path)) return false
    return isState(head)
  },
  async *read(document, bytes) {
    if (/\.(?:tf|tofu)$/i.test(document.path) || document.format === 'terraform') {
      const { readTerraform } = await import('./read-terraform.ts')
      yield* readTerraform(document, bytes)
    } else {
      const { readState } = await import('./read-state.ts')
      yield* readState(document, bytes)
    }
  },
}

/** Its first members, in the order in which they are written, or in any. */
function isState(head: Uint8Array): boolean {
  const text = headText(head)
  return /"terraform_version"\s*:/.test(text) && /"(?:lineage|serial)"\s*:/.test(text)
}
