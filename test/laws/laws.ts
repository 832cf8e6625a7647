import { inspect as show } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, type TestContext, vi } from 'vitest'
import type { Connection, Verdict, Want } from '../../src/core/contract/connector.ts'
import { FirebreakError, isFirebreakError } from '../../src/core/contract/errors.ts'
import type { Observation } from '../../src/core/contract/observation.ts'
import { type CredentialRef, formatRef, type Ref } from '../../src/core/contract/ref.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { collect, startOfOnly } from './collect.ts'
import { ENCODINGS } from './encodings.ts'
import { countCalls, someCalls } from './tried-calls.ts'
import type { Principal, Subject, World } from './world.ts'

/** The laws that every connector keeps. One applies if and only if the connection has the methods it speaks of. */
export function laws(subject: Subject): void {
  describe.skipIf(subject.absent)(
    `laws: ${subject.name}${subject.absent ? ` (${subject.absent})` : ''}`,
    () => {
      let world: World
      let connection: Connection
      /** Every secret of this run: none may turn up in an error, in the console or in the system's own log. */
      const canaries: Secret[] = []
      const printed: string[] = []

      beforeAll(async () => {
        for (const stream of [process.stdout, process.stderr]) {
          const write: (chunk: string | Uint8Array) => boolean = stream.write.bind(stream)
          vi.spyOn(stream, 'write').mockImplementation(chunk => {
            printed.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())
            return write(chunk)
          })
        }
        for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
          vi.spyOn(console, level).mockImplementation(
            (...args: unknown[]) => void printed.push(args.map(String).join(' ')),
          )
        }
        world = await subject.start()
        connection = await world.open()
        for (const method of subject.lacks ?? []) expect(connection[method], method).toBeUndefined()
      })
      afterAll(async () => {
        vi.restoreAllMocks()
        await connection?.close()
        await world?.stop()
      })

      const live = () => (world.takesAnySecret ? 'unknown' : 'live')
      const dead = () => (world.takesWhatIsGone ? 'unknown' : 'dead')

      const newPrincipal = async (from = world): Promise<Principal> => {
        const principal = await from.principal!()
        canaries.push(principal.secret)
        return principal
      }
      const wantLike = async (like: CredentialRef, name = `law ${canaries.length}`): Promise<Want> => {
        return { name, like, scopes: [], before: (await connection.inspect?.(like)) ?? null }
      }
      const issue = async (by: Connection, want: Want) => {
        const issued = await by.issue!(want)
        canaries.push(issued.secret)
        return issued
      }
      const mustNotTell = (text: string) => {
        for (const canary of canaries) {
          for (const form of [canary.revealText(), ...ENCODINGS.map(encode => encode(canary.revealText()))]) {
            if (text.includes(form))
              throw new Error(`a secret was told: ${text.replaceAll(form, '<THE SECRET>')}`)
          }
        }
      }
      /** The error that the call ends with, after a look at whether it tells a secret. */
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

      law('what is issued is live, and what it is like stays so', ['issue', 'verify', 'revoke'], async () => {
        const { credential, secret } = await newPrincipal()
        const issued = await issue(connection, await wantLike(credential))
        expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: live() })
        expect(await connection.verify!(credential, secret)).toMatchObject({ state: live() })
        if (world.use) expect([await world.use(issued.secret), await world.use(secret)]).toEqual([true, true])
        await connection.revoke!(issued.ref, issued.secret)
      })

      law('what is issued for a time ends, or promises no time', ['issue', 'revoke'], async () => {
        const { credential } = await newPrincipal()
        const want = { ...(await wantLike(credential)), ttlSeconds: 600 }
        const from = Date.now()
        const issued = await issue(connection, want)
        if (world.endsNothingByItself) expect(issued.notAfter).toBeUndefined()
        else {
          expect(issued.notAfter).toBeGreaterThan(from)
          expect(issued.notAfter).toBeLessThanOrEqual(Date.now() + 600_000)
        }
        await connection.revoke!(issued.ref, issued.secret)
      })

      law(
        'the end of what was issued is moved, and of nothing else',
        ['issue', 'extend', 'verify'],
        async () => {
          const { credential } = await newPrincipal()
          const issued = await issue(connection, { ...(await wantLike(credential)), ttlSeconds: 600 })
          const verdict = async () => (await connection.verify!(issued.ref, issued.secret)).state
          await connection.extend!(issued.ref, 0)
          expect(await verdict()).toBe(world.takesAnySecret ? 'unknown' : 'dead')
          await connection.extend!(issued.ref, 600)
          expect(await verdict()).toBe(live())
          expect((await failure(connection.extend!(credential, 600))).code).toBe('CONFLICT')
          await connection.revoke!(issued.ref, issued.secret)
          expect((await failure(connection.extend!(issued.ref, 600))).code).toBe('NOT_FOUND')
        },
      )

      law(
        'what is revoked is dead, its sessions gone, and nothing is left',
        ['issue', 'verify', 'revoke'],
        async () => {
          const { credential } = await newPrincipal()
          const before = await world.snapshot?.()
          const issued = await issue(connection, await wantLike(credential))
          const session = await world.session?.(issued.secret)
          if (session) expect(await session.alive()).toBe(true)
          if (session && connection.sessions) {
            const uses = await collect(connection.sessions(issued.ref.identity!))
            expect(uses).toHaveLength(1)
          }
          await connection.revoke!(issued.ref, issued.secret)
          expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: dead() })
          if (session) expect(await session.alive()).toBe(false)
          if (session && connection.sessions)
            expect(await collect(connection.sessions(issued.ref.identity!))).toEqual([])
          if (world.use) expect(await world.use(issued.secret)).toBe(false)
          await session?.close()
          expect(await world.snapshot?.()).toBe(before)
        },
      )

      law(
        'an ordinary credential that is revoked is dead, its sessions gone',
        ['verify', 'revoke'],
        async () => {
          const { credential, identity, secret } = await newPrincipal()
          const session = await world.session?.(secret)
          const { acceptedAt } = await connection.verify!(credential, secret)
          await connection.revoke!(credential, secret)
          expect(await connection.verify!(credential, secret, acceptedAt)).toMatchObject({ state: dead() })
          if (session) expect(await session.alive()).toBe(false)
          if (connection.sessions) expect(await collect(connection.sessions(identity))).toEqual([])
          if (world.use) expect(await world.use(secret)).toBe(false)
          await session?.close()
        },
      )

      law('to revoke twice is to revoke once', ['issue', 'verify', 'revoke'], async () => {
        const { credential, identity, secret } = await newPrincipal()
        const issued = await issue(connection, await wantLike(credential))
        const targets: [CredentialRef, Secret][] = [
          [issued.ref, issued.secret],
          [credential, secret],
          [identity, secret],
        ]
        for (const [target, its] of targets) {
          await connection.revoke!(target, its)
          const once = await world.snapshot?.()
          await connection.revoke!(target, its)
          expect(await world.snapshot?.()).toBe(once)
          expect(await connection.verify!(target, its)).toMatchObject({ state: dead() })
        }
      })

      law('one name is issued once, and undone by that name alone', ['issue', 'undo', 'verify'], async () => {
        const { credential, secret } = await newPrincipal()
        const before = await world.snapshot?.()
        const want = await wantLike(credential)
        const issued = await issue(connection, want)
        expect((await failure(connection.issue!(want))).code).toBe('CONFLICT')
        if (!world.keepsNoNames) await connection.undo!({ ...want, name: `${want.name} not` })
        expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: live() })
        await connection.undo!(want)
        await connection.undo!(want)
        expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: dead() })
        expect(await connection.verify!(credential, secret)).toMatchObject({ state: live() })
        expect(await world.snapshot?.()).toBe(before)
      })

      law(
        'a fault at any call of issue, then undo, leaves nothing behind',
        ['issue', 'undo'],
        async context => {
          const faults = await world.faults?.()
          if (!faults || !world.snapshot) return context.skip('no faults can be made here')
          const { credential } = await newPrincipal()
          const broken = await faults.open()
          const want = await wantLike(credential)
          const before = await world.snapshot()
          const calls = await countCalls(faults, () => issue(broken, want))
          await connection.undo!(want)
          expect(await world.snapshot()).toBe(before)
          let failed = 0
          for (let call = 1; call <= calls; call += world.faultStep ?? 1) {
            for (const when of ['before', 'after'] as const) {
              // Cut before the next message is much like cut after this one: some are enough to meet what differs.
              if (when === 'before' && calls > 10 && call % 3 !== 1) continue
              faults.failAt(call, when)
              const outcome = await issue(broken, want).catch((error: unknown) => error)
              if (outcome instanceof Error) {
                failed++
                expect(
                  isFirebreakError(outcome, 'UNREACHABLE'),
                  `call ${call} ${when}: ${outcome.message}`,
                ).toBe(true)
                await failure(Promise.reject(outcome))
              }
              faults.noFault()
              await connection.undo!(want)
              expect(await world.snapshot(), `call ${call} ${when}`).toBe(before)
            }
          }
          expect(failed).toBeGreaterThan((calls * 0.8) / (world.faultStep ?? 1))
          await faults.close()
        },
      )

      law(
        'a fault at any call of revoke, then revoke, ends as one revoke',
        ['issue', 'revoke', 'verify'],
        async context => {
          const faults = await world.faults?.()
          if (!faults || !world.snapshot) return context.skip('no faults can be made here')
          const { credential } = await newPrincipal()
          const before = await world.snapshot()
          const broken = await faults.open()
          const want = await wantLike(credential)
          const first = await issue(connection, want)
          const calls = await countCalls(faults, () => broken.revoke!(first.ref, first.secret))
          expect(calls).toBeGreaterThan(0)
          for (const { call, when } of someCalls(calls, world)) {
            const issued = await issue(connection, { ...want, name: `law revoke ${call} ${when}` })
            faults.failAt(call, when)
            await broken.revoke!(issued.ref, issued.secret).catch((error: unknown) =>
              failure(Promise.reject(error)),
            )
            faults.noFault()
            await connection.revoke!(issued.ref, issued.secret)
            expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: dead() })
            expect(await world.snapshot(), `call ${call} ${when}`).toBe(before)
          }
          await faults.close()
        },
      )

      law('suspended is dead, resumed is as before', ['suspend', 'resume', 'inspect', 'verify'], async () => {
        const { credential, secret } = await newPrincipal()
        const before = await connection.inspect!(credential)
        for (let times = 0; times < 2; times++) await connection.suspend!(credential)
        expect(await connection.verify!(credential, secret)).toMatchObject({ state: dead() })
        if (world.use) expect(await world.use(secret)).toBe(false)
        for (let times = 0; times < 2; times++) await connection.resume!(credential, before)
        expect(await connection.inspect!(credential)).toEqual(before)
        expect(await connection.verify!(credential, secret)).toMatchObject({ state: live() })
        if (world.use) expect(await world.use(secret)).toBe(true)
      })

      const restrict = (by: Connection, verb: 'freeze' | 'narrow', identity: Ref) =>
        verb === 'freeze' ? by.freeze!(identity) : by.narrow!(identity, [])
      for (const verb of ['freeze', 'narrow'] as const)
        law(`${verb}, then thaw, is as before`, [verb, 'thaw', 'inspect'], async () => {
          const { identity } = await newPrincipal()
          const before = await connection.inspect!(identity)
          for (let times = 0; times < 2; times++) await restrict(connection, verb, identity)
          expect(await connection.inspect!(identity)).not.toEqual(before)
          for (let times = 0; times < 2; times++) await connection.thaw!(identity, before)
          expect(await connection.inspect!(identity)).toEqual(before)
        })

      for (const verb of ['freeze', 'narrow', 'thaw'] as const)
        law(
          `a fault at any call of ${verb}, then ${verb}, ends as one ${verb}`,
          [verb, 'thaw', 'freeze', 'inspect'],
          async context => {
            const faults = await world.faults?.()
            if (!faults) return context.skip('no faults can be made here')
            const { identity } = await newPrincipal()
            const before = await connection.inspect!(identity)
            const broken = await faults.open()
            const perform = (by: Connection) =>
              verb === 'thaw' ? by.thaw!(identity, before) : restrict(by, verb, identity)
            const prepare = async () => void (verb === 'thaw' && (await connection.freeze!(identity)))
            await prepare()
            const calls = await countCalls(faults, () => perform(broken))
            const after = await connection.inspect!(identity)
            await connection.thaw!(identity, before)
            expect(calls).toBeGreaterThan(0)
            for (const { call, when } of someCalls(calls, world)) {
              await prepare()
              faults.failAt(call, when)
              await perform(broken).catch((error: unknown) => failure(Promise.reject(error)))
              faults.noFault()
              await perform(connection)
              expect(await connection.inspect!(identity), `call ${call} ${when}`).toEqual(after)
              await connection.thaw!(identity, before)
              expect(await connection.inspect!(identity), `call ${call} ${when}`).toEqual(before)
            }
            await faults.close()
          },
        )

      law('sessions end, the ones begun later stay', ['endSessions', 'sessions'], async context => {
        if (!world.session) return context.skip('no session can be opened here')
        const { identity, secret } = await newPrincipal()
        const old = await world.session(secret)
        await connection.endSessions!(identity, Date.now() - 3_600_000)
        expect(await old.alive()).toBe(true)
        await connection.endSessions!(identity, Date.now() + 60_000)
        expect(await old.alive()).toBe(false)
        const later = await world.session(secret)
        const between = await vi.waitFor(() => startOfOnly(connection.sessions!(identity)), 120_000)
        await connection.endSessions!(identity, between - 1000)
        expect(await later.alive()).toBe(true)
        await old.close()
        await later.close()
      })

      law('rotated in place, the old secret is dead', ['rotate', 'verify', 'inspect'], async () => {
        const { credential, secret } = await newPrincipal()
        const before = await connection.inspect!(credential)
        const issued = await connection.rotate!(credential, await wantLike(credential))
        canaries.push(issued.secret)
        expect(await connection.verify!(issued.ref, issued.secret)).toMatchObject({ state: live() })
        if (!world.takesAnySecret) {
          expect(await connection.verify!(credential, secret)).toMatchObject({ state: 'dead' })
          if (world.use)
            expect([await world.use(issued.secret), await world.use(secret)]).toEqual([true, false])
        }
        expect(await connection.inspect!(credential)).toEqual(before)
      })

      law('a wrong secret is never live', ['verify'], async () => {
        const { credential, secret } = await newPrincipal()
        const wrongs = [
          '',
          'x',
          secret.revealText().slice(1),
          `${secret.revealText()}x`,
          secret.revealText().toUpperCase(),
        ]
        for (const wrong of wrongs) {
          const verdict = await connection.verify!(credential, new Secret(wrong, secret.id))
          expect(verdict.state).not.toBe('live')
          mustNotTell(JSON.stringify(verdict))
        }
        expect(await connection.verify!(credential)).toMatchObject({ state: 'unknown' })
        expect(await connection.verify!(credential, secret)).toMatchObject({ state: live() })
      })

      law('a hop is confirmed to who may cross it, and to nobody else', ['probe'], async context => {
        const { credential, identity, secret, trial } = await newPrincipal()
        if (!trial) return context.skip('no hop can be made here')
        const before = await world.snapshot?.()
        const held = { by: credential, as: identity, secret }
        const tried = await connection.probe!(trial, held)
        expect(tried).toMatchObject({ state: world.takesAnySecret ? 'unknown' : 'confirmed' })
        for (const wrong of ['x', secret.revealText().slice(1), `${secret.revealText()}x`]) {
          const answer = await connection.probe!(trial, { ...held, secret: new Secret(wrong, secret.id) })
          expect(answer.state).not.toBe('confirmed')
          expect(answer.held).toBeUndefined()
          mustNotTell(answer.why)
        }
        mustNotTell(tried.why)
        if (tried.held) mustNotTell(JSON.stringify(tried))
        expect(await world.snapshot?.()).toBe(before)
      })

      law('the second page is read', ['discover'], async context => {
        if (!world.principal) return context.skip('no principal can be made here')
        const made: Ref[] = []
        for (let count = 0; count < (world.manyPrincipals ?? 5); count++)
          made.push((await newPrincipal()).identity)
        const seen = await collect(connection.discover!())
        const identities = new Set(
          seen.flatMap(each => (each.see === 'identity' ? [formatRef(each.ref)] : [])),
        )
        for (const ref of made) expect(identities).toContain(formatRef(ref))
        mustNotTell(show(seen, { depth: 12, maxArrayLength: null }))
      })

      law('what is covered is said', ['discover'], async () => {
        const seen = await collect(connection.discover!())
        const covered = seen.filter((each): each is Covered => each.see === 'covered')
        expect(covered.length).toBeGreaterThan(0)
        for (const each of covered) if (!each.complete) expect(each.why).toBeTruthy()
      })

      law('no secret was told: not in the console, not in the system’s log', [], async () => {
        mustNotTell(printed.join(''))
        const log = await world.log?.()
        if (log !== undefined) mustNotTell(log)
      })

      law(
        'another instance at the same address is a CONFLICT, and is not touched',
        ['inspect'],
        async context => {
          const own = await subject.start()
          try {
            if (!own.replace || !own.principal) return context.skip('no second instance can be made here')
            const stale = await own.open()
            const principal = await newPrincipal(own)
            const { identity, credential, secret } = principal
            const before = (await stale.inspect?.(identity)) ?? null
            const want = { name: 'law replaced', like: credential, scopes: [], before }
            await own.replace()
            const after = await own.snapshot?.()
            const calls: Promise<unknown>[] = [
              stale.issue?.(want),
              stale.undo?.(want),
              stale.extend?.(credential, 600),
              stale.rotate?.(credential, want),
              stale.suspend?.(credential),
              stale.resume?.(credential, before),
              stale.freeze?.(identity),
              stale.thaw?.(identity, before),
              stale.narrow?.(identity, []),
              stale.endSessions?.(identity, Date.now()),
              stale.revoke?.(credential, secret),
            ].filter(call => call !== undefined)
            for (const call of await Promise.allSettled(calls)) {
              expect(call.status).toBe('rejected')
              if (call.status === 'rejected')
                expect((await failure(Promise.reject(call.reason))).code).toBe('CONFLICT')
            }
            if (stale.probe && principal.trial)
              expect(
                await stale.probe(principal.trial, { by: credential, as: identity, secret }),
              ).toMatchObject({ state: 'unknown' })
            if (stale.verify)
              expect(await stale.verify(credential, secret)).toMatchObject({ state: 'unknown' })
            expect(await own.snapshot?.()).toBe(after)
            await stale.close()
          } finally {
            await own.stop()
          }
        },
      )

      law('what cannot be reached is unknown, and a change says so', ['verify'], async context => {
        const own = await subject.start()
        try {
          if (!own.vanish || !own.principal) return context.skip('it cannot be made to vanish here')
          const cut = await own.open()
          const { credential, identity, secret, trial } = await newPrincipal(own)
          await own.vanish()
          if (cut.probe && trial)
            expect(await cut.probe(trial, { by: credential, as: identity, secret })).toMatchObject({
              state: 'unknown',
            })
          const verdict: Verdict = await cut.verify!(credential, secret)
          expect(verdict).toMatchObject({ state: 'unknown' })
          mustNotTell(JSON.stringify(verdict))
          if (cut.revoke) expect((await failure(cut.revoke(credential, secret))).code).toBe('UNREACHABLE')
          await cut.close()
        } finally {
          await own.stop()
        }
      })

      function law(
        name: string,
        needs: readonly (keyof Connection)[],
        run: (context: TestContext) => Promise<unknown>,
      ): void {
        const lacking = [...(subject.lacks ?? []), ...(subject.standInLacks ?? [])]
        if (needs.some(method => lacking.includes(method))) return
        test(name, async context => {
          const missing = needs.filter(method => connection[method] === undefined)
          if (missing.length > 0) context.skip(`it has no ${missing.join(', ')}`)
          else if (!world.principal && needs.length > 0 && needs[0] !== 'discover')
            context.skip('no principal can be made')
          else await run(context)
        })
      }
    },
  )
}

type Covered = Extract<Observation, { see: 'covered' }>
