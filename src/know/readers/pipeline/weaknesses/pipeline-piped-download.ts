import type { Weakness } from '../../weakness.ts'
import { type Command, commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const FETCH = String.raw`\b(?:curl|wget|fetch|iwr|irm|Invoke-(?:WebRequest|RestMethod))\b`
const SHELL = String.raw`(?:sudo\s+(?:-\w+\s+)*)?(?:env\s+)?(?:\S*/)?(?:ba|z|da|k)?sh\b|python[\d.]*\b|node\b|perl\b|ruby\b|iex\b|Invoke-Expression\b`
const SAVES =
  /\b(?:curl\s[^;|&\n]{0,1000}?(?:\s-[a-zA-Z]*o\s*|\s--output[ =])["']?(?<as>[\w./$~{}-]+)|wget\s[^;|&\n]{0,1000}?(?:\s-[a-zA-Z]*O\s*|\s--output-document[ =])["']?(?<to>[\w./$~{}-]+)|(?:curl\s[^;|&\n]{0,1000}?\s-[a-zA-Z]*O\b|wget\s)[^;|&\n]{0,1000}?\/(?<named>[\w.-]+)["']?(?=\s|$|;|&))/g
/** What looks whether it is what it should be. */
const CHECKS =
  /\b(?:sha(?:1|224|256|384|512)?sum|shasum|md5sum|b2sum|gpgv?\b|cosign\s+verify|minisign|openssl\s+dgst|slsa-verifier|Get-FileHash|gh\s+attestation)/i

const PIPED = [
  new RegExp(`\\b(?:python[\\d.]*|node|perl|ruby)\\s+-[ce]\\s+["']?\\$\\(\\s*${FETCH}`, 'i'),
  new RegExp(`${FETCH}[^|\\n]{1,2000}\\|\\s*(?:${SHELL})`, 'i'),
  new RegExp(
    `(?:\\b(?:ba|z|da|k)?sh|\\bsource|(?:^|\\s)\\.)\\s+(?:-\\w+\\s+)?(?:<\\(|["']?\\$\\()\\s*${FETCH}`,
    'i',
  ),
  new RegExp(
    `(?:\\biex|\\bInvoke-Expression|\\beval)\\s*(?:\\(|["']?\\$?\\()+[^)\\n]{0,300}?(?:${FETCH}|DownloadString)`,
    'i',
  ),
]

export const pipelinePipedDownload: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-piped-download',
  title: 'A job runs what it has just downloaded, unseen',
  severity: 'medium',
  why: 'Whoever controls that address, or the way to it, runs their code as the job.',
  fix: 'Keep the script in the repository, or check the download against a digest before it runs.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse',
  ],
  *find({ jobs }) {
    for (const job of jobs)
      for (const script of job.scripts) {
        const commands = commandsOf(script)
        for (const { line, text } of commands)
          if (PIPED.some(pattern => pattern.test(text)))
            yield { line, certainty: 'proven', why: `${job.id} pipes a download into an interpreter`, job }
        for (const { line } of runUnseen(commands))
          yield { line, certainty: 'proven', why: `${job.id} runs a download that it did not check`, job }
      }
  },
}

/** Commands that run a file which one before them, or they themselves, fetched, where nothing looks what is in it. */
function runUnseen(commands: readonly Command[]): Command[] {
  if (commands.some(({ text }) => CHECKS.test(text))) return []
  const saved = new Set<string>()
  return commands.filter(({ text }) => {
    const fetched = [...text.matchAll(SAVES)].flatMap(({ groups }) => Object.values(groups!).filter(Boolean))
    for (const path of fetched) saved.add(path.replace(/^\.\//, ''))
    return text.split(/&&|\|\||;/).some(part => runs(part.trim(), saved))
  })
}

function runs(command: string, saved: ReadonlySet<string>): boolean {
  const words = command.replace(/^(?:sudo\s+(?:-\w+\s+)*)?/, '').split(/\s+/)
  const interpreted = /^(?:ba|z|da|k)?sh$|^(?:python[\d.]*|node|perl|ruby|pwsh|source|\.)$/.test(
    words[0] ?? '',
  )
  const file = (interpreted ? words.slice(1).find(word => !word.startsWith('-')) : words[0]) ?? ''
  const path = file.replace(/^["']|["']$/g, '')
  return (interpreted || path.includes('/')) && saved.has(path.replace(/^\.\//, ''))
}
