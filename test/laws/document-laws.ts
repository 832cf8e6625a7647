import { createHash, randomBytes } from 'node:crypto'
import { inspect as show } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Connection } from '../../src/core/contract/connector.ts'
import { FirebreakError } from '../../src/core/contract/errors.ts'
import type { Observation } from '../../src/core/contract/observation.ts'
import { formatRef, type PlaceRef } from '../../src/core/contract/ref.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { collect } from './collect.ts'

/** A source of documents that another program changes too. What it cannot do is absent; a law that needs it does not apply. */
interface DocumentWorld {
  /** Writing is approved for `*.env`. */
  open(): Promise<Connection>
  put(files: Readonly<Record<string, string>>): void
  get?(path: string): string | undefined
  /** How the document is called that `put` makes of a path, where that is another name. */
  called?(path: string): string
  /** Another container with the same content takes over the path. */
  replace?(): void
  /** Nothing is at the path any more. */
  vanish?(): void
  /** The next change of a file breaks off, before or after it was made. */
  failWrite?(when: 'before' | 'after'): void
  stop(): void
}

export interface DocumentSubject {
  readonly name: string
  start(): DocumentWorld
}

/** More than any page, batch or pipe holds at once. */
const MANY = 700
const PATH = 'app.env'

/** The laws of a source of documents, and of the places in them where it has `read` and `write`. */
export function documentLaws(subject: DocumentSubject): void {
  describe(`laws: ${subject.name}`, async () => {
    const can = await capabilitiesOf(subject)
    const secrets: string[] = []
    const printed: string[] = []
    const worlds: DocumentWorld[] = []

    beforeAll(() => {
      for (const stream of [process.stdout, process.stderr]) {
        const write: (chunk: string | Uint8Array) => boolean = stream.write.bind(stream)
        vi.spyOn(stream, 'write').mockImplementation(chunk => {
          printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
          return write(chunk)
        })
      }
      for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const)
        vi.spyOn(console, level).mockImplementation(
          (...args) => void printed.push(args.map(String).join(' ')),
        )
    })
    afterAll(() => {
      vi.restoreAllMocks()
      for (const world of worlds) world.stop()
    })

    const start = (): DocumentWorld => {
      const world = subject.start()
      worlds.push(world)
      return world
    }
    const newSecret = (): Secret => {
      const text = randomBytes(18).toString('base64url')
      secrets.push(text)
      return new Secret(text)
    }
    const mustNotTell = (text: string) => {
      for (const secret of secrets)
        for (const form of [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')])
          if (text.includes(form))
            throw new Error(`a secret was told: ${text.replaceAll(form, '<THE SECRET>')}`)
    }
    const failure = async (call: Promise<unknown>): Promise<FirebreakError> => {
      const error = await call.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      mustNotTell(show(error, { depth: 12, showHidden: true, getters: true }))
      mustNotTell(
        `${error instanceof Error ? `${error.message}\n${error.stack}` : ''}${JSON.stringify(error)}`,
      )
      expect(error, show(error)).toBeInstanceOf(FirebreakError)
      return error as FirebreakError
    }

    law('all is read, also what lies behind the first page, and each says where it stands', [], async () => {
      const world = start()
      const files = Object.fromEntries(
        Array.from({ length: MANY }, (_, n) => [`folder-${n % 7}/file-${n}.txt`, `content ${n}\n`]),
      )
      world.put(files)
      const connection = await world.open()
      const texts = new Map<string, { id: string; text: string }>()
      for await (const { id, path, bytes } of connection.documents!())
        texts.set(path, { id, text: Buffer.concat(await collect(bytes())).toString() })
      const called = (path: string) => world.called?.(path) ?? path
      for (const [path, text] of Object.entries(files)) expect(texts.get(called(path))?.text, path).toBe(text)
      const seen = await collect(connection.discover!())
      const stands = new Set(
        seen.flatMap(each =>
          each.see === 'occurrence' && each.atHead ? [`${each.document} ${each.path}`] : [],
        ),
      )
      for (const path of Object.keys(files).map(called))
        expect(stands).toContain(`${texts.get(path)?.id} ${path}`)
      const covered = coverageIn(seen)
      expect(covered.some(({ complete }) => complete)).toBe(true)
      for (const each of covered) if (!each.complete) expect(each.why).toBeTruthy()
      await connection.close()
    })

    law('a second run finds what is new', [], async () => {
      const world = start()
      world.put({ 'one.txt': 'one\n' })
      const first = await world.open()
      let cursor = ''
      for await (const document of first.documents!()) cursor = document.cursor
      await first.close()
      world.put({ 'two.txt': 'two\n' })
      const second = await world.open()
      const paths = (await collect(second.documents!(cursor))).map(({ path }) => path)
      expect(paths).toContain(world.called?.('two.txt') ?? 'two.txt')
      await second.close()
    })

    law('what is not there is an error at once', ['vanish'], async () => {
      const world = start()
      world.put({ [PATH]: 'A=1\n' })
      world.vanish!()
      expect(['NOT_FOUND', 'UNREACHABLE', 'INVALID_CONFIG']).toContain((await failure(world.open())).code)
    })

    law(
      'what is gone while it is looked at is an error or a gap, never an empty whole',
      ['vanish'],
      async () => {
        const world = start()
        world.put({ [PATH]: 'A=1\n', 'b.txt': 'b\n' })
        const connection = await world.open()
        world.vanish!()
        const looked = (async () => {
          await collect(connection.documents!())
          return await collect(connection.discover!())
        })()
        const seen = await looked.catch(async error => await failure(Promise.reject(error)))
        if (!(seen instanceof FirebreakError))
          expect(
            coverageIn(seen).filter(({ complete }) => complete),
            show(seen),
          ).toEqual([])
        await connection.close()
      },
    )

    law('written, then read: the new secret, and nothing else changed', ['read', 'write'], async () => {
      const { world, connection, place, secret } = await filed()
      expect((await connection.read!(place)).revealText()).toBe(secret.revealText())
      const fresh = newSecret()
      const now = await connection.write!(place, fresh)
      expect((await connection.read!(now)).revealText()).toBe(fresh.revealText())
      expect(world.get!(PATH)).toBe(fileWith(fresh))
      await connection.close()
    })

    law('a place within an archive is refused, not taken for the archive', ['read', 'write'], async () => {
      const { world, connection, place, secret } = await filed()
      const within = { ...place, member: 'app.env' }
      for (const call of [
        () => connection.read!(within),
        () => connection.write!(within, newSecret()),
        () => connection.remove!(within),
      ])
        expect((await failure(call())).code).toBe('UNSUPPORTED')
      expect(world.get!(PATH)).toBe(fileWith(secret))
      await connection.close()
    })

    law('to write again, after an answer that was lost, ends the same', ['write'], async () => {
      const { world, connection, place } = await filed()
      const fresh = newSecret()
      const once = await connection.write!(place, fresh)
      expect(await connection.write!(place, fresh)).toEqual(once)
      const anew = await world.open()
      expect(await anew.write!(place, fresh)).toEqual(once)
      expect(world.get!(PATH)).toBe(fileWith(fresh))
      await anew.close()
      await connection.close()
    })

    for (const when of ['before', 'after'] as const)
      law(
        `a fault ${when} the write, then write again: it ends as one write`,
        ['write', 'read', 'failWrite'],
        async () => {
          const { world, connection, place } = await filed()
          const fresh = newSecret()
          world.failWrite!(when)
          expect((await failure(connection.write!(place, fresh))).code).toBe('UNREACHABLE')
          const now = await connection.write!(place, fresh)
          expect((await connection.read!(now)).revealText()).toBe(fresh.revealText())
          expect(world.get!(PATH)).toBe(fileWith(fresh))
          await connection.close()
        },
      )

    law(
      'what another program changed is a CONFLICT, and stays as it is',
      ['read', 'write', 'remove'],
      async () => {
        const { world, connection, place } = await filed()
        const other = `# changed\n${fileWith(newSecret())}`
        world.put({ [PATH]: other })
        for (const call of [
          () => connection.read!(place),
          () => connection.write!(place, newSecret()),
          () => connection.remove!(place),
          () => connection.write!({ ...place, version: `sha256:${'0'.repeat(64)}` }, newSecret()),
        ])
          expect((await failure(call())).code).toBe('CONFLICT')
        expect(world.get!(PATH)).toBe(other)
        await connection.close()
      },
    )

    law('the old secret written back is as before, which inspect shows', ['inspect', 'write'], async () => {
      const { connection, place, secret } = await filed()
      const file = { ...place.in, kind: 'file', id: PATH }
      const before = await connection.inspect!(file)
      mustNotTell(JSON.stringify(before))
      const now = await connection.write!(place, newSecret())
      expect(versionIn(await connection.inspect!(file))).not.toEqual(versionIn(before))
      await connection.write!(now, secret)
      expect(versionIn(await connection.inspect!(file))).toEqual(versionIn(before))
      await connection.close()
    })

    law('removed is gone, once or twice', ['remove'], async () => {
      const { world, connection, place, secret } = await filed()
      for (let times = 0; times < 2; times++) {
        await connection.remove!(place)
        expect(world.get!(PATH)).toBe(fileWith(new Secret('')))
      }
      expect(world.get!(PATH)).not.toContain(secret.revealText())
      await connection.close()
    })

    law(
      'another container at the same path is a CONFLICT, and is not touched',
      ['write', 'read', 'replace'],
      async () => {
        const { world, connection, place } = await filed()
        const before = world.get!(PATH)
        world.replace!()
        const calls = [
          () => connection.read!(place),
          () => connection.write!(place, newSecret()),
          () => connection.remove?.(place),
          () => connection.inspect?.({ ...place.in, kind: 'file', id: PATH }),
        ]
        for (const call of calls) {
          const made = call()
          if (made) expect((await failure(made)).code).toBe('CONFLICT')
        }
        const anew = await world.open()
        expect(anew.instance).not.toBe(connection.instance)
        expect((await failure(anew.write!(place, newSecret()))).code).toBe('CONFLICT')
        expect(world.get!(PATH)).toBe(before)
        await anew.close()
        await connection.close()
      },
    )

    law('what is not approved is DENIED, and no path leads out', ['write', 'remove'], async () => {
      const { world, connection, place } = await filed()
      world.put({ 'plain.txt': fileWith(newSecret()) })
      const before = world.get!('plain.txt')
      for (const path of ['plain.txt', '../other.env', '/etc/other.env', 'x/../../other.env'])
        for (const call of [
          () => connection.write!({ ...place, path }, newSecret()),
          () => connection.remove!({ ...place, path }),
        ])
          expect((await failure(call())).code, path).toMatch(/DENIED|NOT_FOUND/)
      expect(world.get!('plain.txt')).toBe(before)
      await connection.close()
    })

    law('a value that the place cannot hold is refused without telling it', ['write'], async () => {
      const { world, connection, place, secret } = await filed()
      const text = `${randomBytes(9).toString('hex')}\n${randomBytes(9).toString('hex')}`
      secrets.push(text, ...text.split('\n'))
      expect((await failure(connection.write!(place, new Secret(text)))).code).toBe('UNSUPPORTED')
      expect(world.get!(PATH)).toBe(fileWith(secret))
      await connection.close()
    })

    law('no secret was told: neither by what is seen nor in the console', [], async () => {
      const world = start()
      const secret = newSecret()
      world.put({ [PATH]: fileWith(secret) })
      const connection = await world.open()
      for await (const { bytes: _, ...document } of connection.documents!())
        mustNotTell(JSON.stringify(document))
      mustNotTell(show(await collect(connection.discover!()), { depth: 12, maxArrayLength: null }))
      mustNotTell(show(connection, { depth: 6 }))
      mustNotTell(printed.join(''))
      await connection.close()
    })

    /** A file with a secret in it, and the place of that. */
    async function filed() {
      const world = start()
      const secret = newSecret()
      const text = fileWith(secret)
      world.put({ [PATH]: text })
      const connection = await world.open()
      const at = text.indexOf(secret.revealText())
      let container: PlaceRef['in'] | undefined
      for await (const document of connection.documents!()) container ??= document.in
      if (!container) throw new Error('no document is listed')
      expect(formatRef(container)).toContain(connection.instance)
      const place: PlaceRef = {
        in: container,
        path: PATH,
        version: `sha256:${createHash('sha256').update(text).digest('hex')}`,
        slots: [{ part: 'value', at: `${at}-${at + secret.revealText().length}`, encodings: [] }],
      }
      return { world, connection, place, secret }
    }

    /** A law applies if and only if what it speaks of can be done. */
    function law(name: string, needs: readonly Capability[], run: () => Promise<unknown>): void {
      if (needs.every(capability => can.has(capability))) test(name, run)
    }
  })
}

type Capability = keyof Connection | 'vanish' | 'failWrite' | 'replace'

async function capabilitiesOf(subject: DocumentSubject): Promise<Set<string>> {
  const world = subject.start()
  try {
    world.put({ [PATH]: 'A=1\n' })
    const connection = await world.open()
    await connection.close()
    const there = [...Object.entries(world), ...Object.entries(connection)]
    return new Set(there.filter(([, value]) => typeof value === 'function').map(([name]) => name))
  } finally {
    world.stop()
  }
}

function fileWith(secret: Secret): string {
  return `PORT=3000\nTOKEN=${secret.revealText()}\nMODE=production\n`
}

function versionIn(state: unknown): unknown {
  return typeof state === 'object' && state !== null && 'version' in state ? state.version : undefined
}

function coverageIn(seen: readonly Observation[]) {
  return seen.filter(each => each.see === 'covered')
}
