import type { Observation } from '../../../core/contract/observation.ts'
import type { Content } from './content.ts'

export class Images {
  see(_member: string, _content: Content): void {}
  note(_findings: Observation<unknown>[]): void {}
}
