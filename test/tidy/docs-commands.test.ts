import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  availablePostgres,
  type PostgresServer,
  startPostgres,
} from '../../src/serve/operations/drill/postgres-server.ts'
import { requireServer } from '../servers.ts'
import { type Stage, setStage } from '../stage.ts'
import { projectFiles, readSource } from './sources.ts'

/** A command of a page, in order; `needsPostgres` where its block says so. */
interface DocumentedCommand {
  readonly line: string
  readonly needsPostgres: boolean
}

function commandsOf(page: string): DocumentedCommand[] {
  return [...readSource(page).matchAll(/^```console([^\n]*)\n([\s\S]*?)^```/gm)].flatMap(block =>
    block[2]!
      .split('\n')
      .filter(line => line.startsWith('$ '))
      .map(line => ({ line: line.slice(2), needsPostgres: block[1]!.includes('postgres') })),
  )
}

const pages = projectFiles()
  .filter(path => path.endsWith('.md'))
  .filter(page => commandsOf(page).length > 0)
const postgres = requireServer('PostgreSQL', availablePostgres() !== undefined, 'apt-get install postgresql')

describe.each(pages)('%s', page => {
  const commands = commandsOf(page)
  let server: PostgresServer | undefined
  let stage: Stage

  beforeAll(async () => {
    if (!postgres.skip && commands.some(command => command.needsPostgres)) server = await startPostgres()
    stage = await setStage(server)
    const { exit, stderr } = await stage.run('firebreak scan .')
    expect(exit, stderr).toBe(1)
  })
  afterAll(async () => {
    await stage?.remove()
    await server?.stop()
  })

  test.for(commands)('$line', async ({ line, needsPostgres }, context) => {
    context.skip(needsPostgres && postgres.skip, postgres.reason)
    const { exit, stdout, stderr } = await stage.run(line)
    // The stage holds a leaked password, and a scan that finds something says so.
    expect(exit, stdout + stderr).toBe(/firebreak scan/.test(line) ? 1 : 0)
    expect(stdout + stderr).not.toContain(stage.secret)
    // A path keeps its line, so that it can be copied.
    const wide = stdout.split('\n').filter(text => text.length > 80 && text.trim().includes(' '))
    expect(wide.filter(text => !text.includes('/'))).toEqual([])
  })
})
