import { lineAt, scalar, type Located } from '../../located.ts'
import { commandsOf, evaluatedVariables } from '../../pipeline/command.ts'
import { controlledBy, shellVariables } from '../control.ts'
import { stepsOf, type Weak, type Weakness } from '../weakness.ts'
import { runsInShell, type Step, type Workflow } from '../workflow.ts'

/** Inputs of actions that run what they are given. */
const CODE_INPUTS: Readonly<Record<string, readonly string[]>> = {
  'actions/github-script': ['script'],
  'addnab/docker-run-action': ['run', 'options'],
  'amadevus/pwsh-script': ['script'],
  'appleboy/ssh-action': ['script'],
  'azure/cli': ['inlinescript'],
  'azure/powershell': ['inlinescript'],
  'cardinalby/js-eval-action': ['expression'],
  'garygrossgarten/github-action-ssh': ['command'],
  'jannekem/run-python-script-action': ['script'],
  'maierj/fastlane-action': ['lane', 'options'],
  'mikefarah/yq': ['cmd'],
  'nick-fields/retry': ['command', 'on_retry_command'],
  'nick-invision/retry': ['command', 'on_retry_command'],
  'satackey/action-js-inline': ['script'],
  'tibdex/backport': ['title_template', 'body_template', 'head_template', 'labels_template'],
  'wei/curl': ['args'],
}

/** An expression is put into the text before the shell or the interpreter reads it, quotes and all. */
export const workflowScriptInjection: Weakness = {
  id: 'workflow-script-injection',
  title: 'Text that others write becomes part of a script',
  severity: 'high',
  why: 'Whoever writes that text runs commands as the job, with its token and its secrets.',
  fix: 'Give the value to the script through env, and use it there as a quoted shell variable.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  alias: 'template-injection',
  crossing: true,
  references: ['https://docs.github.com/en/actions/concepts/security/script-injections'],
  *find(workflow) {
    for (const { job, step } of stepsOf(workflow)) {
      for (const { code, what } of codeOf(step)) {
        const text = scalar(code) ?? ''
        for (const { control, context, offset } of controlledBy(text, { workflow, job, step })) {
          if (control === 'nobody') continue
          const line = lineAt(code, offset)
          yield { ...said(workflow, control, context, what), line, job }
        }
      }
      // A variable is safe until the shell is told to run what it holds.
      const variables = shellVariables({ workflow, job, step })
      for (const { line, text } of step.run && runsInShell(step) ? commandsOf(step.run) : [])
        for (const name of new Set(evaluatedVariables(text))) {
          const held = variables.get(name)
          if (held?.control === 'outsider')
            yield { ...said(workflow, held.control, `${name} (${held.context})`, 'a command'), line, job }
        }
    }
  },
}

function said(
  workflow: Workflow,
  control: 'outsider' | 'someone',
  context: string,
  what: string,
): Omit<Weak, 'line'> {
  if (control === 'outsider' && workflow.kind === 'workflow')
    return { certainty: 'proven', why: `${context}, which others write, becomes part of ${what}` }
  return { certainty: 'conditional', why: `${context} becomes part of ${what}, and may hold any text` }
}

function* codeOf(step: Step): Generator<{ code: Located; what: string }> {
  if (step.run) yield { code: step.run, what: 'a script' }
  const inputs = step.uses?.kind === 'repository' ? CODE_INPUTS[step.uses.action] : undefined
  for (const name of inputs ?? []) {
    const code = step.with.get(name)
    if (code) yield { code, what: `what ${step.uses!.action} runs` }
  }
}
