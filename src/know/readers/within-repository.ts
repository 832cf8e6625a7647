import type { Ref } from '../../core/contract/ref.ts'

/** What lies in a repository, as whoever lists it there tells it: where an instance has several, each has its id before. */
export function withinRepository(repository: Ref, kind: string, id: string): Ref {
  return { ...repository, kind, id: repository.id === repository.instance ? id : `${repository.id}/${id}` }
}
