import { z } from 'zod'
import type { Connection, Connector } from '../../core/contract/connector.ts'
import type { Io } from '../../core/contract/io.ts'
import { connectTree } from './connection.ts'
import { openTree } from './disk-tree.ts'

const glob = z.string().min(1)

export const directoryConfig = z.strictObject({
  path: z.string().min(1).describe('path of a directory or of one file on this machine'),
  approved: z
    .array(glob)
    .optional()
    .describe('globs of the files, relative to the path, that Firebreak may write secrets into'),
  workloads: z
    .array(z.strictObject({ name: z.string().min(1), reads: glob }))
    .optional()
    .describe('who reads its secret from which file'),
  exclude: z.array(glob).optional().describe('globs of what is not to be read'),
})

export type DirectoryConfig = z.infer<typeof directoryConfig>

/** Files on disk, as they stand now. Reads everything; writes only what the configuration approves. */
export const directory: Connector<DirectoryConfig> = {
  system: 'directory',
  summary: 'Files on disk as they stand now; may write secrets into the files that you approve',
  config: directoryConfig,
  async open(config: DirectoryConfig, io: Io): Promise<Connection> {
    return connectTree(await openTree(config.path, config.exclude ?? [], io), config)
  },
}
