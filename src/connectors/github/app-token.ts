import { createPrivateKey, createSign } from 'node:crypto'
import type { Secret } from '../../core/contract/secret.ts'

/**
 * What an app shows as itself, signed with its key.
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
 */
export function appToken(appId: string, privateKey: Secret, now: Date): string {
  const seconds = Math.floor(now.getTime() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { iat: seconds - 60, exp: seconds + 540, iss: appId }
  const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`
  const key = createPrivateKey(privateKey.revealText())
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`
}
