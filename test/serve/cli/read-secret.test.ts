import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { isFirebreakError } from '../../../src/core/contract/errors.ts'
import { readSecret } from '../../../src/serve/cli/read-secret.ts'

/** A terminal as node:tty shows it: raw mode on and off, bytes as they are typed. */
class FakeTerminal extends PassThrough {
  readonly isTTY = true
  readonly modes: boolean[] = []
  setRawMode(mode: boolean): this {
    this.modes.push(mode)
    return this
  }
}

function typed(...chunks: string[]) {
  const terminal = new FakeTerminal()
  const shown = new PassThrough()
  let interrupted = 0
  const secret = readSecret('secret: ', terminal as never, shown, () => interrupted++)
  for (const chunk of chunks) terminal.write(chunk)
  return { terminal, secret, shown: () => String(shown.read() ?? ''), interrupted: () => interrupted }
}

function piped(text: string | Buffer) {
  const stream = new PassThrough()
  stream.end(text)
  return readSecret('secret: ', stream as never, new PassThrough(), () => {})
}

describe('from a pipe', () => {
  test('strips one trailing newline, and one only', async () => {
    expect((await piped('value\n')).revealText()).toBe('value')
    expect((await piped('value\r\n')).revealText()).toBe('value')
    expect((await piped('value\n\n')).revealText()).toBe('value\n')
    expect((await piped(' value ')).revealText()).toBe(' value ')
  })

  test('takes 64 KiB and not one byte more', async () => {
    expect((await piped(Buffer.alloc(65_536, 'a'))).length).toBe(65_536)
    const error = await piped(Buffer.alloc(65_537, 'a')).catch(error => error)
    expect(isFirebreakError(error, 'INVALID_INPUT')).toBe(true)
  })

  test('refuses nothing at all', async () => {
    await expect(piped('')).rejects.toThrow('no secret came')
    await expect(piped('\n')).rejects.toThrow('no secret came')
  })
})

describe('from a terminal', () => {
  test('shows the prompt and never what is typed, and leaves raw mode', async () => {
    const { terminal, secret, shown } = typed('hun', 'ter2', '\r')
    expect((await secret).revealText()).toBe('hunter2')
    expect(shown()).toBe('secret: \n')
    expect(terminal.modes).toEqual([true, false])
  })

  test('takes back with backspace', async () => {
    expect((await typed('ab\u007f\u007f\u007fcd\r').secret).revealText()).toBe('cd')
  })

  test('takes a pasted PEM block whole', async () => {
    const pem = ['-----BEGIN ' + 'PRIVATE KEY-----', 'AAAA', '-----END ' + 'PRIVATE KEY-----'].join('\r')
    const text = (await typed(`${pem}\r`).secret).revealText()
    expect(text.split('\n')).toHaveLength(3)
  })

  test('ends on control-C, and interrupts', async () => {
    const { secret, interrupted, terminal } = typed('half\u0003')
    await expect(secret).rejects.toThrow('was not given')
    expect(interrupted()).toBe(1)
    expect(terminal.modes).toEqual([true, false])
  })
})
