import type { Dialled } from './dial.ts'
import { complaintOf } from './failure.ts'
import type { Identity } from './identity.ts'

/**
 * Users are kept in memory, and read from a file when the server starts: the ACL file, else the configuration. What is
 * not saved there comes back with the next start. Saving is no condition for a cut: a user that is off in memory is off. So
 * a refusal is not raised but given back, as a clause that says why, and whoever reports the cut has to say it.
 */
export async function save(connection: Dialled): Promise<string | undefined> {
  const refusal = await refusalOf(connection, 'ACL', 'SAVE')
  if (refusal === undefined) return undefined
  if (!refusal.includes('not configured to use an ACL file'))
    return `the ACL file could not be written (${wordOf(refusal)})`
  const second = await refusalOf(connection, 'CONFIG', 'REWRITE')
  if (second === undefined) return undefined
  if (second.includes('without a config file')) return NOWHERE
  return `there is no ACL file, and the configuration file could not be written (${wordOf(second)})`
}

const NOWHERE = 'the server has neither an ACL file nor a configuration file to keep its users in'

/** Before anything is changed: why it would not last. Only looks; undefined where nothing speaks against it. */
export async function whyLost(connection: Dialled, seen: Identity): Promise<string | undefined> {
  if (seen.configFile !== '') return undefined
  try {
    const [, aclFile] = (await connection.command('CONFIG', 'GET', 'aclfile')) as string[]
    return aclFile ? undefined : NOWHERE
  } catch (error) {
    if (!complaintOf(error)) throw error
    // Not ours to ask. Saving will show.
    return undefined
  }
}

async function refusalOf(connection: Dialled, name: string, ...args: string[]): Promise<string | undefined> {
  try {
    await connection.command(name, ...args)
    return undefined
  } catch (error) {
    const complaint = complaintOf(error)
    if (!complaint) throw error
    return complaint.message
  }
}

function wordOf(message: string): string {
  return /^[A-Z]+\b/.exec(message)?.[0] ?? 'ERR'
}
