import { Agent, request } from 'node:http'
import { readFileSync } from 'node:fs'

/** How a server did under load: answered calls only, a refusal ends the bench. */
export interface Loaded {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the server's own process, for each call. */
  readonly cpuMs: number
}

interface Target {
  readonly url: string
  readonly pid: number
  /** The form of the n-th call. */
  form(n: number): string
}

const TICKS_PER_SECOND = 100

/** As many calls as `atOnce` clients get through in the time. */
export async function closedLoad(target: Target, atOnce: number, seconds: number): Promise<Loaded> {
  const caller = new Caller(target, atOnce)
  const until = performance.now() + seconds * 1000
  const began = performance.now()
  const cpu = cpuSeconds(target.pid)
  let calls = 0
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < until) await caller.call(calls++)
    }),
  )
  return caller.end(calls, began, cpu)
}

/** So many calls each second, whether or not the ones before were answered: what waits counts as waiting. */
export async function openLoad(target: Target, perSecond: number, seconds: number): Promise<Loaded> {
  const caller = new Caller(target, 256)
  const began = performance.now()
  const cpu = cpuSeconds(target.pid)
  const running: Promise<void>[] = []
  for (let calls = 0; calls < perSecond * seconds; ) {
    const due = Math.min(perSecond * seconds, ((performance.now() - began) / 1000) * perSecond)
    // A call counts from when it was due, not from when this process came to it.
    for (; calls < due; calls++) running.push(caller.call(calls, began + (calls / perSecond) * 1000))
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await Promise.all(running)
  return caller.end(running.length, began, cpu)
}

class Caller {
  readonly #target: Target
  readonly #agent: Agent
  readonly #took: number[] = []

  constructor(target: Target, connections: number) {
    this.#target = target
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections })
  }

  async call(n: number, from = performance.now()): Promise<void> {
    const form = this.#target.form(n)
    const answer = await post(this.#target.url, form, this.#agent)
    this.#took.push(performance.now() - from)
    if (answer.status !== 200) throw new Error(`${this.#target.url} answers ${answer.status}: ${answer.body}`)
  }

  end(calls: number, began: number, cpu: number): Loaded {
    const seconds = (performance.now() - began) / 1000
    this.#agent.destroy()
    const took = this.#took.sort((a, b) => a - b)
    const at = (part: number) => took[Math.min(took.length - 1, Math.floor(took.length * part))] ?? 0
    return {
      perSecond: calls / seconds,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuMs: ((cpuSeconds(this.#target.pid) - cpu) * 1000) / calls,
    }
  }
}

export async function post(
  url: string,
  form: string,
  agent?: Agent,
): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        ...(agent && { agent }),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          'content-length': Buffer.byteLength(form),
        },
      },
      response => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => pieces.push(piece))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }),
        )
        response.on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(form)
  })
}

/** User and system time of a process with all its threads, from /proc: on Linux. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const times = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(times[11]) + Number(times[12])) / TICKS_PER_SECOND
}
