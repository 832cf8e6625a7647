import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { READ_FLAGS } from '../../core/contract/read-flags.ts'

/** A file that is opened for reading. Raises where it is none, or a symbolic link, a pipe or a device. */
export function openRegular(path: string): { readonly file: number; readonly size: number } {
  const file = openSync(path, READ_FLAGS)
  try {
    const found = fstatSync(file)
    if (!found.isFile()) throw new Error('no regular file')
    return { file, size: found.size }
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** What is in the file from there on, `least` bytes and as many as come with them; fewer at its end. */
export function stretchOf(file: number, memory: Buffer, offset: number, least: number): Buffer {
  let length = 0
  for (let read = -1; read !== 0 && length < least; length += read)
    read = readSync(file, memory, length, memory.length - length, offset + length)
  return memory.subarray(0, length)
}
