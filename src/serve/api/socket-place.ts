import { chmod, lstat, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { FirebreakError } from '../../core/contract/errors.ts'

/** What the kernel takes (sun_path), with its last zero. */
const MOST_BYTES = 107
const FOR_GROUP = 0o660

/**
 * Listens on a socket that only whom its directory lets in can open: its owner, root, and the directory's group. Another user's
 * directory, or one that others may enter or the group may write into, would let somebody else be who listens, or who asks.
 */
export async function openSocketPlace(path: string, listen: (path: string) => Promise<void>): Promise<void> {
  const directory = dirname(path)
  if (Buffer.byteLength(path) > MOST_BYTES)
    throw unusable(path, `has more than ${MOST_BYTES} bytes`, 'give it a shorter path')
  const { mode, uid } = await stat(directory).catch(() => {
    throw unusable(path, `lies in ${directory}, which is not there`, `install -d -m 750 ${directory}`)
  })
  if (uid !== process.getuid?.() || (mode & 0o027) !== 0)
    throw unusable(
      path,
      `lies in ${directory}, which is not ours alone to write, or open to all`,
      'whoever may open the socket is the workload: make it ours, with mode 700, or 750 for a group',
    )
  if (await answers(path))
    throw unusable(path, 'is served by another process', 'each broker needs sockets of its own')
  const left = await lstat(path).catch(() => undefined)
  if (left && !left.isSocket()) throw unusable(path, 'is something else', 'move it away, if it is not needed')
  // Of one that was killed.
  if (left) await rm(path)
  await listen(path)
  await chmod(path, FOR_GROUP)
}

export async function closeSocketPlace(path: string): Promise<void> {
  await rm(path, { force: true })
}

async function answers(path: string): Promise<boolean> {
  return await new Promise(resolve => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function unusable(path: string, why: string, hint: string): FirebreakError {
  return new FirebreakError('INVALID_CONFIG', `the socket ${path} ${why}`, hint)
}
