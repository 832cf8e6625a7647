import type { Dialled } from './dial.ts'

/** A connection to the server, as `CLIENT LIST` tells it. */
export interface Client {
  readonly id: string
  readonly user: string
  /** Address and port. */
  readonly from: string
  /** What the client calls itself, else its library. */
  readonly name: string
  readonly ageSeconds: number
  readonly database: string
  readonly command: string
  readonly replica: boolean
  readonly subscribed: boolean
}

export async function listClients(connection: Dialled): Promise<Client[]> {
  return parseClients(String(await connection.command('CLIENT', 'LIST')))
}

/** One line each, of `field=value` divided by spaces, which no value may hold. */
export function parseClients(text: string): Client[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const fields = new Map(
        line.split(' ').map(field => {
          const equals = field.indexOf('=')
          return [field.slice(0, equals), field.slice(equals + 1)] as const
        }),
      )
      const get = (name: string) => fields.get(name) ?? ''
      return {
        id: get('id'),
        user: get('user'),
        from: get('addr'),
        name: get('name') || get('lib-name'),
        ageSeconds: Number(get('age')) || 0,
        database: get('db'),
        command: get('cmd'),
        replica: get('flags').includes('S'),
        subscribed: ['sub', 'psub', 'ssub'].some(kind => Number(get(kind)) > 0),
      }
    })
}

/** `10.0.0.7:50312` → `10.0.0.7`, `[::1]:50312` → `::1`; a socket file has only its path. */
export function hostOf(from: string): string {
  return /^\[?(.*?)\]?:\d+$/.exec(from)?.[1] ?? from
}
