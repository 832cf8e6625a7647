import { scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import { commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const OFF = [
  /\bcurl\s(?:[^;|&]{0,500}\s)?(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)(?=\s|$)/,
  /\bwget\s[^;|&]{0,500}--no-check-certificate\b/,
  /\bhttp\.sslVerify[ =]["']?false\b/i,
  /\bstrict-ssl[ =]+["']?false\b/,
  /\bpip[\d.]*\s[^;|&]{0,500}--trusted-host\b/,
  /\bgit\s[^;|&]{0,300}\bhttp:\/\/(?!localhost|127\.)/,
  /\bStrictHostKeyChecking[ =]["']?no\b/i,
  // What answers for the host is taken for it.
  /\bssh-keyscan\b(?![^\n]*\|\s*(?:diff|cmp|grep|ssh-keygen)\b)/,
  /\b(?:helm|kubectl|oc|docker|skopeo|argocd|vault)\s[^;|&]{0,500}--(?:insecure-skip-tls-verify|tls-verify=false|tls-skip-verify|insecure-skip-tls-verify=true)\b/,
]
const SETTINGS: Readonly<Record<string, RegExp>> = {
  GIT_SSL_NO_VERIFY: /^(?:1|true)$/i,
  NODE_TLS_REJECT_UNAUTHORIZED: /^0$/,
  PYTHONHTTPSVERIFY: /^0$/,
  VAULT_SKIP_VERIFY: /^(?:1|true)$/i,
  GONOSUMCHECK: /^(?:1|true)$/i,
  NPM_CONFIG_STRICT_SSL: /^false$/i,
}

export const pipelineTlsOff: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-tls-off',
  title: 'A job does not look who it speaks to',
  severity: 'medium',
  why: 'Whoever stands between gets what is sent there, credentials too, and decides what comes back.',
  fix: 'Give the job the certificate of the authority, or the host’s key, and leave the check on.',
  frameworks: ['NHI4:2025', 'CICD-SEC-7'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-07-Insecure-System-Configuration',
  ],
  *find({ jobs, variables }) {
    for (const [name, value] of variables)
      if (isOff(name, scalar(value))) yield { line: value.line, certainty: 'proven', why: `${name} is set` }
    for (const job of jobs) {
      for (const [name, value] of job.variables)
        if (isOff(name, scalar(value)))
          yield { line: value.line, certainty: 'proven', why: `${name} is set for ${job.id}`, job }
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script))
          if (OFF.some(pattern => pattern.test(text)) || exported(text))
            yield { line, certainty: 'proven', why: `${job.id} turns the check off`, job }
    }
  },
}

function isOff(name: string, value: string | undefined): boolean {
  const off = Object.hasOwn(SETTINGS, name.toUpperCase()) ? SETTINGS[name.toUpperCase()] : undefined
  return off !== undefined && off.test((value ?? '').trim())
}

function exported(text: string): boolean {
  return [...text.matchAll(/(?:^|[\s;&])(\w+)=["']?(\w+)["']?/g)].some(([, name = '', value]) =>
    isOff(name, value),
  )
}
