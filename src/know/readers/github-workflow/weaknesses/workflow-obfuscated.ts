import { scalar } from '../../located.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import type { Uses } from '../workflow.ts'

/** An expression of literals alone: `${{ 'a' }}`, `${{ format('{0}', 'a') }}`, `${{ fromJSON('"a"') }}`. */
const LITERAL =
  /\$\{\{\s*(?:(?:format|join|fromjson|tojson)\s*\(\s*)*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*[\s)]*\}\}/i

export const workflowObfuscated: Weakness = {
  id: 'workflow-obfuscated',
  title: 'It is written so that a reader, or a scanner, takes it for something else',
  severity: 'medium',
  why: 'The same could be said plainly. What is hidden from whoever reviews it was put there by mistake, or by an attacker.',
  fix: 'Write the path or the text as it is.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'obfuscation',
  references: [
    'https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsuses',
  ],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      if (step.uses && isTwisted(step.uses))
        yield {
          line: step.uses.line,
          certainty: 'proven',
          why: `the path of ${step.uses.written} is not the shortest one`,
          job,
        }
      for (const text of [step.run, ...step.with.values(), ...step.env.values()])
        if (text && LITERAL.test(scalar(text) ?? ''))
          yield { line: text.line, certainty: 'proven', why: 'an expression only stands for a text', job }
    }
  },
}

/** Empty parts, `.` and `..` behind `owner/repository` lead somewhere else than they seem to, or nowhere else. */
function isTwisted({ kind, action }: Uses): boolean {
  return kind === 'repository' && action.split('/').some(part => part === '' || part === '.' || part === '..')
}
