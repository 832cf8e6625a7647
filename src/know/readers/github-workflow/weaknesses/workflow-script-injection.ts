import { lineAt, scalar, type Located } from '../../located.ts'
import { commandsOf, evaluatedVariables } from '../../pipeline/command.ts'
import { type Control, controlledBy, shellVariables } from '../control.ts'
import { stepsOf, type Weak, type Weakness } from '../weakness.ts'
import { runsInShell, type Step, type Workflow } from '../workflow.ts'

/** Inputs of actions that run what they are given. */
const CODE_INPUTS: Readonly<Record<string, readonly string[]>> = {
  '8398a7/action-slack': ['custom_payload'],
  'actions/github-script': ['script'],
  'addnab/docker-run-action': ['run', 'options'],
  'amadevus/pwsh-script': ['script'],
  'appleboy/ssh-action': ['script'],
  'azure/cli': ['inlinescript'],
  'azure/powershell': ['inlinescript'],
  'borales/actions-yarn': ['cmd'],
  'burrunan/gradle-cache-action': ['arguments'],
  'cardinalby/js-eval-action': ['expression'],
  'cross-platform-actions/action': ['run'],
  'cypress-io/github-action': ['command', 'build', 'start', 'install-command'],
  'devcontainers/ci': ['runcmd'],
  'gabrielbb/xvfb-action': ['run'],
  'garygrossgarten/github-action-ssh': ['command'],
  'gautamkrishnar/blog-post-workflow': ['item_exec'],
  'gradle/gradle-build-action': ['arguments'],
  'jannekem/run-python-script-action': ['script'],
  'magefile/mage-action': ['args'],
  'maierj/fastlane-action': ['lane', 'options'],
  'mikefarah/yq': ['cmd'],
  'nick-fields/retry': ['command', 'on_retry_command'],
  'nick-invision/retry': ['command', 'on_retry_command'],
  'pguyot/arm-runner-action': ['commands'],
  'reactivecircus/android-emulator-runner': ['script'],
  'satackey/action-js-inline': ['script'],
  'tibdex/backport': ['title_template', 'body_template', 'head_template', 'labels_template'],
  'uraimo/run-on-arch-action': ['run', 'install', 'setup'],
  'vmactions/*': ['run', 'prepare'],
  'wandalen/wretry.action': ['command'],
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
      for (const command of step.run && runsInShell(step) ? commandsOf(step.run) : [])
        for (const name of new Set(evaluatedVariables(command))) {
          const held = variables.get(name)
          if (held?.control === 'outsider')
            yield {
              ...said(workflow, held.control, `${name} (${held.context})`, 'a command'),
              line: command.line,
              job,
            }
        }
    }
  },
}

function said(
  workflow: Workflow,
  control: Exclude<Control, 'nobody'>,
  context: string,
  what: string,
): Omit<Weak, 'line'> {
  if (control === 'outsider' && workflow.kind === 'workflow')
    return { certainty: 'proven', why: `${context}, which others write, becomes part of ${what}` }
  if (control === 'unclear')
    return { certainty: 'potential', why: `${context} is computed and becomes part of ${what}` }
  return { certainty: 'conditional', why: `${context} becomes part of ${what}, and may hold any text` }
}

function* codeOf(step: Step): Generator<{ code: Located; what: string }> {
  if (step.run) yield { code: step.run, what: 'a script' }
  const inputs = step.uses?.kind === 'repository' ? inputsOf(step.uses.action) : undefined
  for (const name of inputs ?? []) {
    const code = step.with.get(name)
    if (code) yield { code, what: `what ${step.uses!.action} runs` }
  }
}

function inputsOf(action: string): readonly string[] {
  return [action, action.replace(/\/.*/, '/*')].flatMap(name =>
    Object.hasOwn(CODE_INPUTS, name) ? CODE_INPUTS[name]! : [],
  )
}
