import { commandsOf, unquoted, variablesIn } from '../../pipeline/command.ts'
import { shellVariables } from '../control.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import { runsInShell } from '../workflow.ts'

/** Tools whose program is an argument, and can run commands: https://gtfobins.github.io/. */
const PROGRAM = /(?:^|[;&|(]\s*|\bsudo\s+)(?:sed|g?awk|mawk|nawk)\s([^|;&]*)/g
/** Tools with options that run commands, or write where they should not. */
const OPTIONS =
  /(?:^|[;&|(]\s*|\bsudo\s+)(?:git\s+(?:clone|fetch|pull|push|ls-remote|grep|archive|log|diff)|find|tar|zip|wget|curl|ssh|scp|rsync|xargs|docker)\s([^|;&]*)/g

export const workflowArgumentInjection: Weakness = {
  id: 'workflow-argument-injection',
  title: 'Text that others write becomes an argument that can run commands',
  severity: 'medium',
  why: 'Whoever writes it ends sed’s expression with one that executes, or gives git an option such as --upload-pack.',
  fix: 'Give it to the tool on standard input, or quote it and put “--” before it.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: [
    'https://cwe.mitre.org/data/definitions/88.html',
    'https://docs.github.com/en/actions/concepts/security/script-injections',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      const variables = shellVariables({ workflow, job, step })
      for (const { line, text } of step.run && runsInShell(step) ? commandsOf(step.run) : []) {
        const name = argumentsIn(text).find(one => variables.get(one)?.control === 'outsider')
        if (name === undefined) continue
        yield {
          line,
          certainty: 'conditional',
          when: 'the text can hold what the tool takes for more than a word',
          why: `${name} (${variables.get(name)!.context}) is an argument of a tool that runs commands`,
          job,
        }
      }
    }
  },
}

function argumentsIn(text: string): string[] {
  const programs = [...text.matchAll(PROGRAM)].flatMap(([, rest = '']) =>
    variablesIn(rest.replace(/'[^']*'/g, "''")),
  )
  const options = [...text.matchAll(OPTIONS)].flatMap(([, rest = '']) => {
    const before = rest.split(/\s--\s/)[0] ?? ''
    const leading = before.match(/(?<=\s|^)"\$\{?\w+/g) ?? []
    return [...variablesIn(unquoted(before)), ...leading.flatMap(variablesIn)]
  })
  return [...programs, ...options]
}
