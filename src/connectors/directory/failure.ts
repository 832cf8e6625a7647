import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'

/** Node's messages name the path and the call, and never hold content. */
export function failure(error: NodeJS.ErrnoException, path: string): FirebreakError {
  const why = `${path}: ${reason(error)}`
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new FirebreakError('NOT_FOUND', why)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new FirebreakError('DENIED', why, 'Run Firebreak as a user who has that right.')
    case 'ELOOP':
      return new FirebreakError(
        'DENIED',
        `${path} is a symbolic link, which is not followed`,
        'Give the path of what it leads to.',
      )
    default:
      return new FirebreakError('UNREACHABLE', why)
  }
}

const REASONS: Record<string, string> = {
  ENOENT: 'it vanished before it was read',
  ELOOP: 'a symbolic link, not followed',
}

/** Why the system refused, in words. */
export function reason(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? systemReason(error)
}
