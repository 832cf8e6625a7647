import type { ReadStream } from 'node:tty'
import { FirebreakError } from '../../core/contract/errors.ts'
import { Secret } from '../../core/contract/secret.ts'

const MAX_BYTES = 64 * 1024
const ENTER = new Set([0x0a, 0x0d])
const BACKSPACE = new Set([0x08, 0x7f])
const CTRL_C = 0x03
const CTRL_D = 0x04

/**
 * One secret from standard input: typed or pasted without echo on a terminal, else all of the pipe. One trailing newline
 * is stripped; more than 64 KiB, and nothing at all, raise INVALID_INPUT.
 */
export async function readSecret(
  prompt: string,
  stdin: ReadStream | NodeJS.ReadStream,
  stderr: NodeJS.WritableStream,
  interrupt: () => void,
): Promise<Secret> {
  const bytes = stdin.isTTY ? await fromTerminal(prompt, stdin, stderr, interrupt) : await fromPipe(stdin)
  const secret = new Secret(withoutNewline(bytes))
  bytes.fill(0)
  if (secret.length === 0)
    throw new FirebreakError('INVALID_INPUT', 'no secret came on standard input', 'paste it, or pipe it in')
  return secret
}

async function fromPipe(stdin: NodeJS.ReadStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > MAX_BYTES) throw tooLong()
    chunks.push(bytes)
  }
  const whole = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return whole
}

/** Raw mode: the terminal neither echoes nor interprets. A pasted PEM block ends with its END line, not with its first. */
function fromTerminal(
  prompt: string,
  stdin: NodeJS.ReadStream,
  stderr: NodeJS.WritableStream,
  interrupt: () => void,
): Promise<Buffer> {
  stderr.write(prompt)
  stdin.setRawMode(true)
  const typed = Buffer.alloc(MAX_BYTES)
  let length = 0
  return new Promise<Buffer>((resolve, reject) => {
    const end = (settle: () => void) => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      settle()
    }
    const onData = (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte === CTRL_C) {
          interrupt()
          return end(() => reject(new FirebreakError('INVALID_INPUT', 'the secret was not given')))
        }
        if (byte === CTRL_D || (ENTER.has(byte) && isWhole(typed.subarray(0, length))))
          return end(() => resolve(typed.subarray(0, length)))
        if (BACKSPACE.has(byte)) length = Math.max(0, length - 1)
        else if (length === MAX_BYTES) return end(() => reject(tooLong()))
        else typed[length++] = byte === 0x0d ? 0x0a : byte
      }
    }
    stdin.on('data', onData)
    stdin.resume()
  })
}

function isWhole(typed: Buffer): boolean {
  return !typed.subarray(0, 11).equals(Buffer.from('-----BEGIN ')) || typed.includes('-----END ')
}

function withoutNewline(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

function tooLong(): FirebreakError {
  return new FirebreakError(
    'INVALID_INPUT',
    'the secret on standard input is longer than 64 KiB',
    'give the secret alone, without what it stands in',
  )
}
