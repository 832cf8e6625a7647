import type { Verdict } from '../../core/contract/connector.ts'
import { isFirebreakError } from '../../core/contract/errors.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Held, Trial, Tried } from '../../core/contract/probe.ts'
import { type CredentialRef, formatRef, type Ref } from '../../core/contract/ref.ts'
import { Secret } from '../../core/contract/secret.ts'
import { record } from '../../core/evidence/evidence.ts'
import { fingerprint } from '../../core/keys/fingerprint.ts'
import type { Keys } from '../../core/keys/keys.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import type { Connections } from '../connections/registry.ts'
import { membersOf } from '../inventory/merge.ts'
import { credentialView, refOf } from '../inventory/queries.ts'
import type { CrossingRules } from './crossing-rules.ts'
import type { GraphNode, Hop } from './graph.ts'
import { trialActions } from './trial-actions.ts'
import { ONLY_TOLD } from '../inventory/only-told.ts'

/** A hop with what trying it showed, beside what was predicted. */
export interface TriedHop extends Hop {
  readonly tried: Tried['state']
  readonly triedWhy: string
}

export interface TriedWay {
  /** How the test credential itself was taken, where the way begins with whom it is of. */
  readonly login?: { readonly tried: Tried['state']; readonly why: string }
  readonly hops: readonly TriedHop[]
  /** `confirmed` only where every hop was; else what ended it. */
  readonly tried: Tried['state']
}

/** What a tester has at some point of a way: who they are, or a credential that was not yet used. */
interface Hand {
  readonly held?: Held
  readonly secret?: { readonly of: string; readonly value: Secret }
}

/** `credential`: which one it is, where the way begins with an identity that may have several. */
export interface Tester {
  readonly secret: Secret
  readonly credential?: string
}

interface Step {
  readonly tried: Tried
  readonly hand: Hand
}

/** Of one run; what comes after is not tried. */
const MOST_TRIALS = 100
const NOT_REACHED = 'What comes before it was not crossed.'

interface Surroundings {
  readonly db: Db
  readonly keys: Keys
  readonly io: Io
  readonly connections: Connections
  readonly crossings: CrossingRules
  /** Of a job that was run for the test, where there is one. */
  readonly idToken?: Secret
  nodeOf(id: string): Promise<GraphNode>
}

/**
 * Tries ways hop by hop, with what a tester holds: nothing is changed, each hop is tried once, and each try is recorded. A
 * credential that was refused is not offered again, so that no account is locked by it.
 */
export class Prober {
  readonly #world: Surroundings
  readonly #known = new Map<string, Step>()
  #trials = 0

  constructor(world: Surroundings) {
    this.#world = world
  }

  /** The tester holds what the way begins with; nothing, where that is a place. */
  async tryWay(hops: readonly Hop[], tester: Tester | undefined): Promise<TriedWay> {
    const start = await this.#world.nodeOf(hops[0]!.from)
    let step: Step = { tried: { state: 'confirmed', why: '' }, hand: {} }
    let login: TriedWay['login']
    if (start.type === 'credential' && tester)
      step = { ...step, hand: { secret: { of: start.id, value: tester.secret } } }
    if (start.type === 'identity' && tester) {
      step = await this.#once(`login ${start.id}`, async () => await this.#logIn(start, tester))
      login = { tried: step.tried.state, why: step.tried.why }
    }
    const tried: TriedHop[] = []
    for (const hop of hops) {
      const before: Step = step
      step =
        before.tried.state === 'confirmed'
          ? await this.#once(keyOf(hop, before.hand), async () => await this.#cross(hop, before.hand))
          : { tried: { state: 'not-tried', why: NOT_REACHED }, hand: {} }
      tried.push({ ...hop, tried: step.tried.state, triedWhy: step.tried.why })
    }
    const ended = [login, ...tried].find(one => one !== undefined && one.tried !== 'confirmed')
    return { ...(login && { login }), hops: tried, tried: ended?.tried ?? 'confirmed' }
  }

  async #once(key: string, work: () => Promise<Step>): Promise<Step> {
    const known = this.#known.get(key)
    if (known) return known
    const step =
      this.#trials >= MOST_TRIALS
        ? notTried(`${MOST_TRIALS} hops were tried, which is the most of one run.`)
        : await work()
    this.#known.set(key, step)
    return step
  }

  async #logIn(identity: GraphNode, { secret, credential }: Tester): Promise<Step> {
    return await this.#verified(
      await this.#nativeCredential(identity, secret, credential),
      secret,
      identity,
      identity,
    )
  }

  /**
   * As its system lists it, which is what the system's verbs take: the one that is meant, that the secret's public half
   * names, or that has the value; else the only one, else just whose it is.
   */
  async #nativeCredential(identity: GraphNode, secret: Secret, meant?: string): Promise<CredentialRef> {
    const { db, keys } = this.#world
    const rows = await db
      .selectFrom('credential')
      .innerJoin('entity', 'entity.id', 'credential.entity_id')
      .selectAll('entity')
      .select('credential.fingerprint')
      .where('credential.identity_id', 'in', await membersOf(db, [identity.id]))
      .where('entity.native', 'not like', ONLY_TOLD)
      .where('entity.merged_into', 'is', null)
      .where('entity.gone_at', 'is', null)
      .orderBy('entity.id')
      .execute()
    const own = fingerprint(keys.fingerprint, secret)
    const found =
      rows.find(row => row.id === meant) ??
      rows.find(row => row.native === secret.id) ??
      rows.find(row => row.fingerprint === own) ??
      (rows.length === 1 ? rows[0] : undefined)
    return { ...(found ? refOf(found) : identity.ref), identity: identity.ref }
  }

  async #cross(hop: Hop, hand: Hand): Promise<Step> {
    const [from, to] = [await this.#world.nodeOf(hop.from), await this.#world.nodeOf(hop.to)]
    switch (hop.crossing) {
      case 'authenticates-as':
        if (hand.secret?.of !== from.id)
          return notTried('The credential’s value is not in the tester’s hands.')
        return await this.#verified(
          await this.#nativeCredential(to, hand.secret.value, from.id),
          hand.secret.value,
          to,
          to,
          hop,
        )
      case 'same-value':
      case 'shares-password': {
        if (hand.secret?.of !== from.id)
          return notTried('The credential’s value is not in the tester’s hands.')
        const step = await this.#verified(to.ref, hand.secret.value, to, undefined, hop)
        return { ...step, hand: { secret: { of: to.id, value: hand.secret.value } } }
      }
      case 'holds-copy':
        return await this.#readCopy(hop, from, to, hand)
      default:
        return await this.#probed(hop, from, to, hand)
    }
  }

  /** `as`: whom one is afterwards. */
  async #verified(
    ref: CredentialRef,
    secret: Secret,
    about: GraphNode,
    as: GraphNode | undefined,
    hop?: Hop,
  ): Promise<Step> {
    const connection = await this.#connect(ref.system, ref.instance)
    if ('tried' in connection) return connection
    if (!connection.verify) return notTried(`Credentials of ${ref.system} cannot be tried.`)
    // Where the key itself says its id, the secret half goes with it.
    const id = secret.id ?? (ref.kind === 'access-key' ? ref.id : undefined)
    const value = id === undefined ? secret : new Secret(secret.reveal(), id)
    const { state, why } = await connection.verify(ref, value)
    const tried: Tried = { state: VERDICTS[state], why: sentence(why) }
    await this.#record(about, hop, tried)
    if (state !== 'live' || !as) return { tried, hand: {} }
    return { tried, hand: { held: { by: ref, as: as.ref, secret: value } } }
  }

  async #readCopy(hop: Hop, from: GraphNode, to: GraphNode, hand: Hand): Promise<Step> {
    const { db, keys } = this.#world
    const view = await credentialView(db, keys, to.id)
    const copy = view.copies.find(
      ({ place, goneAt }) =>
        goneAt == null &&
        place.in.system === from.ref.system &&
        place.in.instance === from.ref.instance &&
        (from.ref.kind === place.in.kind ? place.in.id === from.ref.id : place.path === from.ref.id),
    )
    if (!copy) return notTried('The place is not known any more.')
    const { place } = copy
    if (hand.held?.by.system === from.ref.system) {
      const step = await this.#probed(hop, from, to, hand, place)
      const { held } = step.tried
      return step.tried.state === 'confirmed' && held
        ? await this.#compared(to, held.secret, step.tried.why)
        : step
    }
    const connection = await this.#connect(from.ref.system, from.ref.instance, copy.sourceId)
    if ('tried' in connection) return connection
    if (!connection.read) return notTried(`Places in ${from.ref.system} cannot be read one by one.`)
    let step: Step
    try {
      step = await this.#compared(to, await connection.read(place), `Its value stands in ${place.path}.`)
    } catch (error) {
      if (!isFirebreakError(error)) throw error
      step = { tried: { state: 'unknown', why: sentence(error.message) }, hand: {} }
    }
    await this.#record(to, hop, step.tried)
    return step
  }

  /** Whether what stood there is the credential. */
  async #compared(credential: GraphNode, value: Secret, why: string): Promise<Step> {
    const { db, keys } = this.#world
    const rows = await db
      .selectFrom('credential')
      .innerJoin('entity', 'entity.id', 'credential.entity_id')
      .select('fingerprint')
      .where(eb => eb.or([eb('entity.id', '=', credential.id), eb('entity.merged_into', '=', credential.id)]))
      .execute()
    return rows.some(row => row.fingerprint === fingerprint(keys.fingerprint, value))
      ? { tried: { state: 'confirmed', why }, hand: { secret: { of: credential.id, value } } }
      : { tried: { state: 'refused', why: 'Another value stands there now.' }, hand: {} }
  }

  async #probed(hop: Hop, from: GraphNode, to: GraphNode, hand: Hand, place?: Trial['place']): Promise<Step> {
    const { idToken } = this.#world
    // What is gained in a place is of another system as well, and no job's token helps there.
    const leaves = place === undefined && from.ref.system !== to.ref.system
    const held = hand.held ?? (leaves && idToken ? jobsToken(from.ref, idToken) : undefined)
    if (!held) return notTried('The tester holds nothing that it could be tried with.')
    if (held.by.system !== from.ref.system)
      return notTried(`What the tester holds is of ${held.by.system}, not of ${from.ref.system}.`)
    const connection = await this.#connect(from.ref.system, from.ref.instance)
    if ('tried' in connection) return connection
    if (!connection.probe) return notTried(`Hops within ${from.ref.system} cannot be tried.`)
    const actions = trialActions(this.#world.crossings, hop.crossing)
    const trial: Trial = {
      from: from.ref,
      to: to.ref,
      toNames: to.names,
      crossing: hop.crossing,
      ...(place && { place }),
      ...(actions && { actions }),
      ...(idToken && { idToken }),
    }
    let tried = await connection.probe(trial, held)
    // That a job of the tester's could be had is said by where jobs run; whether its token is taken, by where it leads.
    if (tried.state === 'confirmed' && leaves && idToken) {
      const there = await this.#connect(to.ref.system, to.ref.instance)
      if ('tried' in there) return there
      if (!there.probe) return notTried(`Hops into ${to.ref.system} cannot be tried.`)
      const taken = await there.probe(trial, jobsToken(from.ref, idToken))
      tried = { ...taken, why: `${sentence(tried.why)} ${taken.why}` }
    }
    await this.#record(to, hop, tried)
    return { tried, hand: tried.held ? { held: tried.held } : {} }
  }

  async #connect(system: string, instance: string, sourceId?: string) {
    const { db, connections } = this.#world
    const id = sourceId ?? (await connections.forInstance(db, system, instance))[0]?.id
    if (id === undefined) return notTried(`No connection to ${system} ${instance} is known.`)
    try {
      return await connections.open(db, id)
    } catch (error) {
      if (isFirebreakError(error)) return notTried(sentence(error.message))
      throw error
    }
  }

  async #record(about: GraphNode, hop: Hop | undefined, { state, why }: Tried): Promise<void> {
    this.#trials++
    const { db, io } = this.#world
    const body = {
      to: formatRef(about.ref),
      ...(hop && {
        from: formatRef((await this.#world.nodeOf(hop.from)).ref),
        crossing: hop.crossing,
        predicted: hop.certainty,
      }),
      tried: state,
      why,
    }
    await transaction(db, async tx => await record(tx, io, { kind: 'probe', subject: about.id, body }))
  }
}

const VERDICTS = { live: 'confirmed', dead: 'refused', unknown: 'unknown' } as const satisfies Record<
  Verdict['state'],
  Tried['state']
>

/** What a tester has by a job's token. */
function jobsToken(from: Ref, secret: Secret): Held {
  return { by: { ...from, kind: 'id-token', identity: from }, as: from, secret }
}

function notTried(why: string): Step {
  return { tried: { state: 'not-tried', why }, hand: {} }
}

/** What has been tried is not tried again, by the same tester with the same things in hand. */
function keyOf(hop: Hop, { held, secret }: Hand): string {
  return JSON.stringify([
    hop.from,
    hop.to,
    hop.crossing,
    held && [formatRef(held.by), formatRef(held.as)],
    secret?.of,
  ])
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
