import { headText } from '../head-text.ts'
import type { Reader } from '../reader.ts'

const MANIFEST = /\.(?:ya?ml|json)(?:\.\w{1,12})?$/i

/**
 * Manifests of Kubernetes, as they are written, as Helm and Kustomize render them, and as `kubectl get -o yaml` and the API give
 * them: service accounts, Secrets, roles and their bindings, what runs as which account, and the cloud identities
 * that those become. https://kubernetes.io/docs/reference/kubernetes-api/
 */
export const kubernetesReader: Reader = {
  format: 'kubernetes',
  reads({ path, format }, head) {
    if (format !== undefined) return format === 'kubernetes'
    if (!MANIFEST.test(path)) return false
    const text = headText(head)
    return (
      /(?:^|[{,\n])[ \t-]*["']?apiVersion["']?[ \t]*:/.test(text) &&
      /(?:^|[{,\n])[ \t]*["']?(?:kind|items)["']?[ \t]*:/.test(text)
    )
  },
  async *read(document, bytes) {
    // Most runs see no manifest, and what reads one is loaded by none of them.
    const { readManifests } = await import('./read-manifests.ts')
    yield* readManifests(document, bytes)
  },
}
