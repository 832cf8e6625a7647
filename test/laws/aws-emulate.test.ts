import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  IAMClient,
  ListAccessKeysCommand,
  ListUsersCommand,
} from '@aws-sdk/client-iam'
import { createEmulator } from 'emulate'
import { awsConfig } from '../../src/connectors/aws/config.ts'
import { aws } from '../../src/connectors/aws/connector.ts'
import { realIo } from '../../src/core/contract/io.ts'
import { Secret } from '../../src/core/contract/secret.ts'
import { laws } from './laws.ts'
import type { World } from './world.ts'

const ACCOUNT = '123456789012'
const KEY = { accessKeyId: 'AKIA0000000000000000', secretAccessKey: 'any' }

/** Between us and the emulator: counts requests, breaks one of them, and can pass for another account. */
async function breakingProxy(target: string) {
  const state = { calls: 0, failAt: 0, when: 'before' as 'before' | 'after', account: ACCOUNT }
  const server: Server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void forward(request, response).catch(() => request.socket.destroy())
  })
  const forward = async (request: IncomingMessage, response: ServerResponse) => {
    const now = ++state.calls
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (now === state.failAt && state.when === 'before') return request.socket.destroy()
    const headers = new Headers(
      Object.entries(request.headers).filter(
        ([name]) => !['host', 'connection', 'content-length'].includes(name),
      ) as [string, string][],
    )
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method!,
      headers,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    })
    const body = (await answer.text()).replaceAll(ACCOUNT, state.account)
    if (now === state.failAt && state.when === 'after') return request.socket.destroy()
    response
      .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/xml' })
      .end(body)
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { state, url: `http://127.0.0.1:${port}`, close }
}

laws({
  name: 'the AWS of emulate',
  lacks: ['extend', 'sessions', 'rotate'],
  // It has no UpdateAccessKey and no policies; and as it takes any secret, no hop is ever tried with one.
  standInLacks: ['suspend', 'freeze', 'narrow', 'endSessions', 'probe'],
  async start(): Promise<World> {
    const emulator = await createEmulator({ service: 'aws', port: 0 })
    const proxy = await breakingProxy(emulator.url)
    const admin = new IAMClient({
      region: 'us-east-1',
      endpoint: `${emulator.url}/iam/`,
      credentials: { ...KEY },
    })
    let count = 0
    let stopped = false
    const open = () =>
      aws.open(
        awsConfig.parse({
          ...KEY,
          secretAccessKey: new Secret(KEY.secretAccessKey),
          endpoint: `${proxy.url}/{service}/`,
          settleSeconds: 0,
        }),
        realIo(),
      )
    const users = async () => {
      const { Users } = await admin.send(new ListUsersCommand({}))
      return await Promise.all(
        (Users ?? []).map(async ({ UserName, UserId }) => {
          const keys = await admin.send(new ListAccessKeysCommand({ UserName }))
          return { UserId, keys: keys.AccessKeyMetadata?.map(({ AccessKeyId }) => AccessKeyId) ?? [] }
        }),
      )
    }
    return {
      open,
      takesAnySecret: true,
      takesWhatIsGone: true,
      endsNothingByItself: true,
      keepsNoNames: true,
      manyPrincipals: 3,
      async stop() {
        admin.destroy()
        if (!stopped) await proxy.close()
        await emulator.close()
      },
      async principal() {
        const UserName = `app-${count++}`
        const { User } = await admin.send(new CreateUserCommand({ UserName }))
        const { AccessKey } = await admin.send(new CreateAccessKeyCommand({ UserName }))
        const identity = { system: 'aws', instance: ACCOUNT, kind: 'user', id: User!.UserId! }
        const id = AccessKey!.AccessKeyId!
        const credential = { ...identity, kind: 'access-key', id, identity }
        return { identity, credential, secret: new Secret(AccessKey!.SecretAccessKey!, id) }
      },
      use: async secret => (await users()).some(({ keys }) => keys.includes(secret.id)),
      async faults() {
        let from = proxy.state.calls
        return {
          open,
          failAt: (call, when) => {
            from = proxy.state.calls
            Object.assign(proxy.state, { failAt: from + call, when })
          },
          noFault: () => {
            from = proxy.state.calls
            proxy.state.failAt = 0
          },
          count: () => proxy.state.calls - from,
          close: async () => {},
        }
      },
      snapshot: async () => JSON.stringify(await users()),
      replace: async () => {
        proxy.state.account = '999988887777'
      },
      vanish: async () => {
        stopped = true
        await proxy.close()
      },
    }
  },
})
