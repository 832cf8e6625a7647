import { rmSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { call, refusal, textIn } from './call.ts'
import { fail, stateOf, warn } from './runner.ts'

const TRIES = 3
const PAUSE_MS = 2_000

const folder = stateOf('folder')
if (folder !== '') rmSync(folder, { recursive: true, force: true })
const id = stateOf('lease')
// Where the first step got nothing, there is nothing to end.
if (id !== '') await end()

async function end(): Promise<void> {
  let why = ''
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    try {
      const { status, body } = await call('the broker', `${stateOf('broker')}/leases/${id}`, {
        method: 'DELETE',
        bearer: stateOf('handle'),
      })
      if (status === 200) return said(textIn(body, 'state'))
      why = refusal(body)
      if (status < 500) break
    } catch (error) {
      why = error instanceof Error ? error.message : 'it failed'
    }
    if (attempt < TRIES) await wait(PAUSE_MS)
  }
  fail(`the lease ${id} could not be ended (${why}): the broker ends it at its time`)
}

function said(state: string): void {
  if (state === 'ending') warn(`the lease ${id} could not be ended yet: the broker tries again`)
}
