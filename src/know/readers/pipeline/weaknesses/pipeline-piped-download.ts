import type { Weakness } from '../../weakness.ts'
import { commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const FETCH = String.raw`\b(?:curl|wget|fetch|iwr|irm|Invoke-(?:WebRequest|RestMethod))\b`
const SHELL = String.raw`(?:sudo\s+(?:-\w+\s+)*)?(?:env\s+)?(?:\S*/)?(?:ba|z|da|k)?sh\b|python[\d.]*\b|node\b|perl\b|ruby\b|iex\b|Invoke-Expression\b`
const PIPED = [
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
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script))
          if (PIPED.some(pattern => pattern.test(text)))
            yield { line, certainty: 'proven', why: `${job.id} pipes a download into an interpreter`, job }
  },
}
