import type { Reader } from '../reader.ts'
import { formOf } from './form.ts'

/**
 * Files of OpenSSH: whose keys log in where (authorized_keys), which host has which key (known_hosts), which key is used for
 * which host (ssh_config), whose certificates a host trusts (sshd_config), and lists of public keys.
 */
export const sshReader: Reader = {
  format: 'ssh',
  reads({ path, format }, head) {
    return format === undefined ? formOf(path, head) !== undefined : format === 'ssh'
  },
  async *read(document, bytes) {
    const { readSsh } = await import('./read-ssh.ts')
    yield* readSsh(document, bytes)
  },
}
