import { codeOf } from './errors.ts'

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'a part of its path is no folder',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ELOOP: 'it is a symbolic link that is not followed, or that leads back to itself',
  ENAMETOOLONG: 'the path is too long',
  EIO: 'the disk gave an error',
  EMFILE: 'too many open files',
  E2BIG: 'its arguments and variables are too long',
  ENOEXEC: 'it is no program',
  EADDRINUSE: 'another program listens there',
  EADDRNOTAVAIL: 'this machine has no such address',
  EBUSY: 'something else holds it',
  ENOSPC: 'the disk is full',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'it is no UTF-8',
}

/** Why a file could not be read, written or run, in words: what an error of the system says besides may hold anything. */
export function systemReason(error: unknown): string {
  const code = codeOf(error)
  return REASONS[code ?? ''] ?? code ?? (error instanceof Error ? error.name : 'no reason was given')
}
