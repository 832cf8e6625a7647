import { items, lineAt, type Located, member, scalar } from '../../located.ts'
import { contextsIn } from '../expression.ts'
import { stepsOf, jobsOf, type Weakness } from '../weakness.ts'

const SWITCH = 'ACTIONS_ALLOW_UNSECURE_COMMANDS'

export const workflowInsecureCommands: Weakness = {
  id: 'workflow-insecure-commands',
  title: 'What it prints can set variables and paths',
  severity: 'high',
  why: 'Any text that a step prints, an issue’s title for one, can change what the following steps run.',
  fix: `Remove ${SWITCH}, and write to the files GITHUB_ENV and GITHUB_OUTPUT instead.`,
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'insecure-commands',
  references: [
    'https://github.blog/changelog/2020-10-01-github-actions-deprecating-set-env-and-add-path-commands/',
  ],
  *find(workflow) {
    const direct = (env: ReadonlyMap<string, Located>) => {
      const value = env.get(SWITCH)
      return value && isTrue(value) ? value : undefined
    }
    const ofAll = direct(workflow.env)
    if (ofAll) yield { line: ofAll.line, certainty: 'proven', why: `${SWITCH} is set for every job` }
    for (const job of jobsOf(workflow)) {
      const found = direct(job.env)
      if (found) yield { line: found.line, certainty: 'proven', why: `${SWITCH} is set for ${job.id}`, job }
    }
    for (const { job, step } of stepsOf(workflow)) {
      const found = direct(step.env)
      if (found) yield { line: found.line, certainty: 'proven', why: `${SWITCH} is set for a step`, job }
      const byScript = new RegExp(`\\b${SWITCH}=["']?true\\b`, 'i').exec(scalar(step.run) ?? '')
      if (byScript)
        yield {
          line: lineAt(step.run!, byScript.index),
          certainty: 'proven',
          why: `a script sets ${SWITCH}`,
          job,
        }
      // An env that is computed as a whole may have it in.
      const computed = scalar(step.envNode)
      if (computed === undefined) continue
      const fromMatrix = contextsIn(computed).flatMap(([root, name]) =>
        root === 'matrix' && name !== undefined ? items(member(job.matrix, name)) : [],
      )
      const known = fromMatrix.length > 0
      if (fromMatrix.some(one => isTrue(member(one, SWITCH))))
        yield {
          line: step.envNode!.line,
          certainty: 'proven',
          why: `the matrix sets ${SWITCH} for a step`,
          job,
        }
      else if (!known)
        yield {
          line: step.envNode!.line,
          certainty: 'potential',
          why: `a step’s env is computed as a whole, and may set ${SWITCH}`,
          job,
        }
    }
  },
}

function isTrue(value: Located | undefined): boolean {
  return scalar(value)?.trim().toLowerCase() === 'true'
}
