import { laws } from './laws.ts'
import { absentRedis, redisWorld, type RedisWorldOptions } from './redis-world.ts'

const SERVERS: Readonly<Record<string, RedisWorldOptions>> = {
  'marked, users in an ACL file': { marked: true, users: 'aclfile' },
  'unmarked, users in redis.conf': { users: 'config' },
  'marked, users kept nowhere': { marked: true, users: 'nowhere' },
}

for (const [name, options] of Object.entries(SERVERS))
  laws({ name: `Redis, ${name}`, absent: absentRedis(), lacks: ['extend'], start: () => redisWorld(options) })
