import { scalar } from '../../located.ts'
import { stepsOf, type Weakness } from '../weakness.ts'

/** A package manager's words that install, and its options that take a value of their own. */
const INSTALLS =
  /^(?:(?:sudo|command|exec)\s+)*(?:(?<gem>gem\s+(?:install|i))|(?<npm>npm\s+(?:install|i|add|in|ins|inst|insta|instal|isnt|isnta|isntal|isntall)))\s+(?<rest>.*)$/

const TAKES_VALUE =
  /^(?:-v|--version|-i|--install-dir|-n|--bindir|-s|--source|--registry|--prefix|-C|--tag|--cache|--omit|--include|-w|--workspace|--loglevel)$/

export const workflowAdhocPackage: Weakness = {
  id: 'workflow-adhoc-package',
  title: 'It installs a package that no lock file holds',
  severity: 'low',
  why: 'The package’s own dependencies are whatever is newest, and each of them runs code when it is installed.',
  fix: 'Make it a dependency of the project, and install from the lock file (npm ci, bundle install).',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'adhoc-packages',
  references: [
    'https://owasp.org/www-project-top-10-ci-cd-security-risks/CICD-SEC-03-Dependency-Chain-Abuse',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      const lines = (scalar(step.run) ?? '').split('\n')
      for (const [index, line] of lines.entries())
        for (const command of line.split(/&&|\|\||[;|]/)) {
          const found = INSTALLS.exec(command.trim())?.groups
          if (!found || !namesPackage(found['rest'] ?? '')) continue
          const what = found['gem'] === undefined ? 'npm' : 'gem'
          yield {
            line: step.run!.textLine + index,
            certainty: 'proven',
            why: `${what} installs a package by name`,
            job,
          }
        }
    }
  },
}

function namesPackage(rest: string): boolean {
  const words = rest
    .replace(/\s#.*$/, '')
    .split(/\s+/)
    .filter(Boolean)
  return words.some(
    (word, index) =>
      !word.startsWith('-') &&
      !TAKES_VALUE.test(words[index - 1] ?? '') &&
      !/^(?:\.{1,2}(?:\/.*)?|\/.*|file:.*|.*\.(?:tgz|gem))$/.test(word),
  )
}
