import { isSecretName } from '../pipeline/pipeline.ts'

/** A variable that a value is taken from: `${TOKEN}`, `${env:TOKEN}`, `${input:token}`, `$TOKEN`, `{env:TOKEN}`. */
export function referencesIn(text: string): string[] {
  return [
    ...text.matchAll(
      /\$\{(?:(?:env|input|secret)[:.])?([A-Za-z_][\w.-]*)(?::-[^}]*)?\}|\{env:([A-Za-z_]\w*)\}|(?:^|\s)\$([A-Za-z_]\w*)\b/g,
    ),
  ].map(([, braced, named, bare]) => (braced ?? named ?? bare)!)
}

/** Whether the value itself is a credential, and no reference to one. */
export function isSecretLiteral(name: string, text: string): boolean {
  if (text.length < 8 || referencesIn(text).length > 0) return false
  if (/^(?:<.*>|your[-_ ].*|xxx+|\*+|change[-_]?me.*|\.{3}|.*(?:placeholder|example).*)$/i.test(text))
    return false
  return (
    isSecretName(name) ||
    /^(?:authorization|x-api-key|api[-_]?key|x-auth-token|cookie)$/i.test(name) ||
    KNOWN.test(text)
  )
}

const KNOWN =
  /^(?:Bearer\s+)?(?:gh[pousr]_|github_pat_|glpat-|sk-|xox[abeprs]-|npm_|AKIA|lin_api_|ntn_|figd_|pat[A-Za-z0-9]{14}\.|eyJ[A-Za-z0-9_-]{10,}\.)/
