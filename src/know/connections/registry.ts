import { type ZodError, z } from 'zod'
import type { Connection, Connector, ConnectorLoaders } from '../../core/contract/connector.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { newId } from '../../core/contract/id.ts'
import type { Io } from '../../core/contract/io.ts'
import type { Keys } from '../../core/keys/keys.ts'
import type { Row } from '../../core/store/schema.ts'
import { type Db, transaction } from '../../core/store/store.ts'
import { labelOf, openedConfig, storedConfig } from './config.ts'

/** A source with its open connection. */
export interface OpenSource {
  readonly source: Row<'source'>
  readonly connector: Connector
  readonly connection: Connection
}

const address = z.object({
  host: z.string().optional(),
  port: z.number().optional(),
  database: z.string().optional(),
  region: z.string().optional(),
  endpoint: z.string().optional(),
})

export type Address = z.infer<typeof address> & { readonly system: string }

/** The connectors that main.ts hands in, and the only opener of connections. One connection per source and process. */
export class Connections {
  readonly #loaders: ConnectorLoaders
  readonly #unconnected: readonly Connector[]
  readonly #keys: Keys
  readonly #io: Io
  readonly #open = new Map<string, Promise<Connection>>()

  /**
   * Of `connectors` only those are loaded of which a connection is opened: to load them takes longer than most commands.
   * `unconnected` take no configuration, and are open to whoever asks by the connector's name in place of a source's id.
   */
  constructor(
    connectors: ConnectorLoaders | readonly Connector[],
    keys: Keys,
    io: Io,
    unconnected: readonly Connector[] = [],
  ) {
    this.#loaders = isLoaded(connectors)
      ? Object.fromEntries(connectors.map(connector => [connector.system, async () => connector]))
      : connectors
    this.#unconnected = unconnected
    this.#keys = keys
    this.#io = io
  }

  /**
   * Opens, asks the instance, and stores the source; the one with the same system, instance and label is updated, and
   * is a source again where it was disconnected. A field
   * of `config` may be a `Secret`, which is sealed, or `{ $secret: 'env:NAME' | 'file:PATH' }`, which is kept as the
   * reference it is. Raises INVALID_CONFIG naming the field, and what `open` raises.
   */
  async add(db: Db, system: string, config: Record<string, unknown>, label?: string): Promise<Row<'source'>> {
    const connector = await this.#connector(system)
    const { connection, parsed } = await this.#openWith(connector, config, '')
    let source: Row<'source'>
    try {
      const name = label ?? labelOf(parsed, connection.instance)
      source = await this.#store(db, connector, connection, config, name)
    } catch (error) {
      await connection.close()
      throw error
    }
    const before = this.#open.get(source.id)
    this.#open.set(source.id, Promise.resolve(connection))
    await before?.then(
      old => old.close(),
      () => {},
    )
    return source
  }

  async #store(
    db: Db,
    connector: Connector,
    connection: Connection,
    config: Record<string, unknown>,
    label: string,
  ): Promise<Row<'source'>> {
    const { instance } = connection
    const key = { system: connector.system, instance, label }
    return await transaction(db, async tx => {
      const found = await tx
        .selectFrom('source')
        .selectAll()
        .where('system', '=', key.system)
        .where('instance', '=', key.instance)
        .where('label', '=', key.label)
        .executeTakeFirst()
      const id = found?.id ?? newId(this.#io)
      const text = JSON.stringify(storedConfig(config, this.#keys, id, this.#io))
      const now = this.#io.now().getTime()
      if (found) {
        const isAsBefore = found.disconnected_at === null && found.config === text
        const change = {
          config: text,
          disconnected_at: null,
          // Later than its last look, whatever the clock says.
          connected_at: isAsBefore ? found.connected_at : Math.max(now, (found.observed_at ?? -1) + 1),
        }
        await tx.updateTable('source').set(change).where('id', '=', id).execute()
        return { ...found, ...change }
      }
      const row: Row<'source'> = {
        id,
        ...key,
        config: text,
        cursor: null,
        created_at: now,
        observed_at: null,
        disconnected_at: null,
        connected_at: now,
        epoch: 0,
      }
      await tx.insertInto('source').values(row).execute()
      return row
    })
  }

  /** Opens once per process. Raises CONFLICT where the instance is another than the stored one. */
  async open(db: Db, sourceId: string): Promise<Connection> {
    const found = this.#open.get(sourceId)
    if (found) return await found
    const opening = this.#openStored(db, sourceId)
    this.#open.set(sourceId, opening)
    // What could not be opened is tried anew by the next caller.
    opening.catch(() => this.#open.delete(sourceId))
    return await opening
  }

  async #openStored(db: Db, sourceId: string): Promise<Connection> {
    const unconnected = this.#unconnected.find(connector => connector.system === sourceId)
    if (unconnected) return (await this.#openWith(unconnected, {}, '')).connection
    const source = await connectedSources(db).selectAll().where('id', '=', sourceId).executeTakeFirst()
    if (!source)
      throw new FirebreakError('NOT_FOUND', `no source ${sourceId} is connected`, 'see firebreak ls sources')
    const { connection } = await this.#openWith(
      await this.#connector(source.system),
      JSON.parse(source.config),
      sourceId,
    )
    if (connection.instance === source.instance) return connection
    await connection.close()
    throw new FirebreakError(
      'CONFLICT',
      `${source.label} is ${source.system} instance ${connection.instance} now; ${source.instance} was connected`,
      'find out which system answers there; connect it anew if it is meant',
    )
  }

  /** Where a source's system is, as whoever logs in there needs it; its connector's own defaults included. */
  async addressOf(source: Row<'source'>): Promise<Address> {
    const config = await openedConfig(JSON.parse(source.config), this.#keys, source.id)
    const connector = await this.#connector(source.system)
    const parsed = address.safeParse(connector.config.safeParse(config).data)
    return { system: source.system, ...parsed.data }
  }

  /** The connection to what nobody has to connect, where there is one of that name. */
  async openUnconnected(db: Db, system: string): Promise<Connection | undefined> {
    return this.#unconnected.some(connector => connector.system === system)
      ? await this.open(db, system)
      : undefined
  }

  /** Closes the source's connection where it is open; who needs it next opens it anew. */
  async leave(sourceId: string): Promise<void> {
    const opened = this.#open.get(sourceId)
    this.#open.delete(sourceId)
    await opened?.then(connection => connection.close()).catch(() => {})
  }

  async list(db: Db): Promise<Row<'source'>[]> {
    return await connectedSources(db).selectAll().orderBy('id').execute()
  }

  /** All sources of one instance of a system: any of them can act on it. */
  async forInstance(db: Db, system: string, instance: string): Promise<Row<'source'>[]> {
    return await connectedSources(db)
      .selectAll()
      .where('system', '=', system)
      .where('instance', '=', instance)
      .orderBy('id')
      .execute()
  }

  /** Closes all. A connection that does not close cleanly keeps none of the others open. */
  async close(): Promise<void> {
    const opened = [...this.#open.values()]
    this.#open.clear()
    await Promise.allSettled(opened.map(async connection => await (await connection).close()))
  }

  async #connector(system: string): Promise<Connector> {
    // A name that objects have by themselves is no connector's.
    const load = Object.hasOwn(this.#loaders, system) ? this.#loaders[system] : undefined
    if (load) return await load()
    const known = Object.keys(this.#loaders).join(', ')
    throw new FirebreakError('INVALID_CONFIG', `no connector is called ${system}`, `give one of: ${known}`)
  }

  async #openWith(connector: Connector, config: unknown, sourceId: string) {
    const parsed = connector.config.safeParse(await openedConfig(config, this.#keys, sourceId))
    if (!parsed.success) throw invalidConfig(connector, config, parsed.error)
    return { connection: await connector.open(parsed.data, this.#io), parsed: parsed.data }
  }
}

function isLoaded(connectors: ConnectorLoaders | readonly Connector[]): connectors is readonly Connector[] {
  return Array.isArray(connectors)
}

/** Those that are read, and can be acted on: not what was disconnected. */
export function connectedSources(db: Db) {
  return db.selectFrom('source').where('disconnected_at', 'is', null)
}

/** Names each field and what it takes. zod's messages tell the kind of what was given, never the value. */
function invalidConfig(connector: Connector, config: unknown, error: ZodError): FirebreakError {
  const given = new Map(Object.entries(config ?? {}))
  const fields = error.issues.map(issue => {
    const name = issue.code === 'unrecognized_keys' ? issue.keys.join(', ') : issue.path.join('.')
    const takes = descriptionOf(connector, issue.path[0])
    const isAbsent = issue.path.length === 1 && given.get(String(issue.path[0])) === undefined
    const says = isAbsent ? 'is needed' : issue.message
    return `${name || connector.system}: ${says}${takes ? ` (${takes})` : ''}`
  })
  return new FirebreakError(
    'INVALID_CONFIG',
    fields.join('; '),
    `see firebreak connect ${connector.system} --help`,
  )
}

function descriptionOf(connector: Connector, field: PropertyKey | undefined): string | undefined {
  const schema: unknown = connector.config
  if (!(schema instanceof z.ZodObject) || typeof field !== 'string') return undefined
  const member: unknown = schema.shape[field]
  return member instanceof z.ZodType ? member.description : undefined
}
