import { programBeside } from '../../core/contract/thread.ts'

export function workerFile(): string {
  return programBeside(import.meta.url, 'worker')
}
