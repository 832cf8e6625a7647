import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { holderName, isHolderGone } from '../../../src/core/store/holder.ts'

const parts = () => holderName().split(':') as [string, string, string]

describe('who holds a claim', () => {
  test('is at work while its process is, and not when another has its number', () => {
    const [host, pid, started] = parts()
    expect(isHolderGone(`${host}:${pid}:${started}`)).toBe(false)
    expect(isHolderGone(`${host}:${pid}:${Number(started) - 1}`)).toBe(existsSync('/proc/self/stat'))
    expect(isHolderGone(`${host}:${2 ** 22 + 1}:1`)).toBe(true)
  })

  test('may be at work where it is on another host', () => {
    expect(isHolderGone(`not-${hostname()}:1:1`)).toBe(false)
  })

  test.skipIf(!existsSync('/proc/self/stat'))('is gone once it was killed, waited for or not', async () => {
    // The shell becomes a program that waits for no child: what ends stays as it ended.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [line] = await new Promise<Buffer[]>(resolve =>
      parent.stdout.once('data', (...data) => resolve(data)),
    )
    const pid = Number(String(line))
    // Until it has become that program, the shell would.
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n')
    const fields = () => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    const name = `${hostname()}:${pid}:${fields()[19]}`
    expect(isHolderGone(name)).toBe(false)
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => fields()[0]).toBe('Z')
    expect(isHolderGone(name)).toBe(true)
  })
})
