import type { LeaseAddress } from '../../act/broker/client/broker-client.ts'

interface Login extends LeaseAddress {
  readonly user: string
  readonly password: string
  readonly sessionToken?: string | undefined
}

/** The variables in which a system's own programs look for whom to log in as; none where nothing is known of them. */
export function loginEnvironment(login: Login): NodeJS.ProcessEnv {
  return Object.hasOwn(BY_SYSTEM, login.system) ? BY_SYSTEM[login.system]!(login) : {}
}

const BY_SYSTEM: Readonly<Record<string, (login: Login) => NodeJS.ProcessEnv>> = {
  postgres: ({ host, port, database, user, password }) => ({
    PGHOST: host,
    PGPORT: portText(port),
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: password,
  }),
  redis: ({ host, port, user, password }) => ({
    REDIS_HOST: host,
    REDIS_PORT: portText(port),
    REDIS_USER: user,
    REDIS_PASSWORD: password,
    REDISCLI_AUTH: password,
  }),
  mariadb: ({ host, port, user, password }) => ({
    MYSQL_HOST: host,
    MYSQL_TCP_PORT: portText(port),
    MYSQL_USER: user,
    MYSQL_PWD: password,
  }),
  aws: ({ region, endpoint, user, password, sessionToken }) => ({
    AWS_ACCESS_KEY_ID: user,
    AWS_SECRET_ACCESS_KEY: password,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    // An address with a service in it is none for all of them.
    ...(endpoint !== undefined && !endpoint.includes('{') && { AWS_ENDPOINT_URL: endpoint }),
    // A profile of whoever runs it would go before.
    AWS_PROFILE: undefined,
  }),
  github: ({ endpoint, password }) => {
    const { host } = new URL(endpoint ?? 'https://api.github.com')
    return /(^|\.)(github\.com|ghe\.com)$/.test(host)
      ? { GH_TOKEN: password, GITHUB_TOKEN: password, GITHUB_API_URL: endpoint }
      : { GH_ENTERPRISE_TOKEN: password, GH_HOST: host, GITHUB_TOKEN: password, GITHUB_API_URL: endpoint }
  },
}

export function natsUrl({ host = '', port }: LeaseAddress): string {
  return `nats://${host.includes(':') ? `[${host}]` : host}:${portText(port)}`
}

function portText(port: number | undefined): string | undefined {
  return port === undefined ? undefined : String(port)
}
