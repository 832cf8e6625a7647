import { z } from 'zod'
import type { Connection, Connector } from '../../core/contract/connector.ts'
import type { DeclaredKind } from '../../core/contract/declared-step.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Ms } from '../../core/contract/ref.ts'
import { Exchange, type Limits } from './exchange.ts'
import { revoke } from './revoke.ts'
import { verify, type Vendors } from './verify.ts'

const config = z.strictObject({})

/** Vendors have copies of what they decide by all over the world. */
const SETTLE_SECONDS = 5

/**
 * The public endpoints of vendors, as rules declare them: for credentials that need no system to be connected, since whoever
 * holds one can verify, and often revoke, it with the credential itself. `kinds` are asked for once, when it is opened.
 */
export function declared(
  kinds: () => Promise<readonly DeclaredKind[]>,
  limits: Partial<Limits> = {},
): Connector<z.infer<typeof config>> {
  return {
    system: 'declared',
    summary: "Vendors' public endpoints, as rules declare them",
    config,
    async open(_, io: Io): Promise<Connection> {
      const byId = new Map((await kinds()).map(kind => [kind.id, kind]))
      const vendors: Vendors = {
        io,
        exchange: new Exchange(io, limits),
        kind: id => byId.get(id),
        refusedAt: new Map<string, Ms>(),
        controls: new Map<string, Promise<string | undefined>>(),
      }
      return {
        instance: 'declared',
        settleSeconds: SETTLE_SECONDS,
        close: async () => {},
        verify: (ref, secret, acceptedAt) => verify(vendors, ref, secret, acceptedAt),
        revoke: (ref, secret) => revoke(vendors, ref, secret),
      }
    },
  }
}
