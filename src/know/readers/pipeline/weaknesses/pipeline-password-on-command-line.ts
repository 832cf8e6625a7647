import type { Weakness } from '../../weakness.ts'
import { commandsOf } from '../command.ts'
import type { Pipeline, PipelineJob } from '../pipeline.ts'

const GIVEN = [
  /\b(?:docker|podman|buildah|skopeo|nerdctl|helm\s+registry|oras|crane\s+auth)\s+login\b[^;|&]{0,500}\s(?:-p|--password)(?:[ =]|(?=["'$]))/,
  /\b(?:sshpass)\s+-p/,
  /\b(?:mysql|mysqldump|mariadb)\s[^;|&]{0,300}?(?:\s-p["']?\$|--password[ =])/,
  /\bcurl\s[^;|&]{0,1000}?(?:\s-u|\s--user)[ =]?["']?[^\s"':]{1,100}:/,
  /\baz\s+login\s[^;|&]{0,500}?\s(?:-p|--password)[ =]/,
  /\bhttps?:\/\/[^\s/:@"']{0,100}:\$(?:\{\{[^}]{1,200}\}\}|[({]?\w+[)}]?)@/,
  /\bhttps?:\/\/\$(?:\{\{\s*secrets\.[^}]{1,200}\}\}|[({]?\w*(?:TOKEN|SECRET|PASSWORD|_PAT|_KEY)\w*[)}]?)@/i,
]

export const pipelinePasswordOnCommandLine: Weakness<Pipeline, PipelineJob> = {
  id: 'pipeline-password-on-command-line',
  title: 'A password stands on a command line',
  severity: 'medium',
  why: 'Every process on the runner can read it, and a trace or an error message puts it into the log.',
  fix: 'Give it on standard input (--password-stdin), in a file, or by the environment.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-06-Insufficient-Credential-Hygiene',
  ],
  *find({ jobs }) {
    for (const job of jobs)
      for (const script of job.scripts)
        for (const { line, text } of commandsOf(script))
          if (GIVEN.some(pattern => pattern.test(text)) && !text.includes('--password-stdin'))
            yield { line, certainty: 'proven', why: `${job.id} gives a password as an argument`, job }
  },
}
