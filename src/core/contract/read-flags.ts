import { constants } from 'node:fs'

/** How a file is opened that others may have put there: a symbolic link is refused, and a pipe keeps nobody waiting. */
export const READ_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
