import { embeddedIn } from '../expression.ts'
import { textsOf } from '../texts.ts'
import { jobsOf, stepsOf, type Weakness } from '../weakness.ts'
import { expressionsOf } from './workflow-bot-condition.ts'

export const workflowUnsoundCondition: Weakness = {
  id: 'workflow-unsound-condition',
  title: 'A condition that does not say what it seems to',
  severity: 'medium',
  why: 'A guard that always holds guards nothing: the steps behind it run for everyone.',
  fix: 'Compare whole values with ==, or a list with contains(fromJSON(…)); write nothing around ${{ … }} in an if.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'unsound-condition',
  references: ['https://docs.github.com/en/actions/reference/workflows-and-actions/expressions'],
  *find(workflow) {
    const conditions = [
      ...[...jobsOf(workflow)].map(job => ({ job, line: job.line, condition: job.if })),
      ...[...stepsOf(workflow)].map(({ job, step }) => ({ job, line: step.line, condition: step.if })),
    ]
    for (const { job, line, condition } of conditions) {
      if (condition === undefined) continue
      const [first, ...others] = embeddedIn(condition)
      // What stands around an expression makes a text of it, and a text is true.
      if (first && (others.length > 0 || condition.length > first.end - first.start))
        yield {
          line,
          certainty: 'proven',
          why: 'with text around its expression, the condition always holds',
          job,
        }
      for (const part of expressionsOf(condition)) {
        const [list, one] = part.is === 'call' && part.name === 'contains' ? part.args : []
        if (list?.is === 'literal' && typeof list.value === 'string' && one?.is === 'context')
          yield {
            line,
            certainty: 'conditional',
            why: `contains() of a text holds for every part of it that ${one.path.join('.')} is`,
            job,
          }
      }
    }
    for (const { text, line, job } of textsOf(workflow))
      for (const { expression } of embeddedIn(text)) {
        if (expression?.is !== 'binary' || expression.operator !== '||') continue
        const { left } = expression
        if (left.is !== 'binary' || left.operator !== '&&' || left.right.is !== 'literal') continue
        if (['', 0, false, null].includes(left.right.value as never))
          yield { line, certainty: 'proven', why: 'x && empty || y always gives y', ...(job && { job }) }
      }
  },
}
