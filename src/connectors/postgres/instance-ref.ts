import type { Ref } from '../../core/contract/ref.ts'

export function refOf(instance: string, kind: string, id: string): Ref {
  return { system: 'postgres', instance, kind, id }
}

/** The server itself is a resource of kind `instance`, named by its endpoints: that is how `?host:port` finds it. */
export function instanceRef(instance: string): Ref {
  return refOf(instance, 'instance', instance)
}
