import { githubWorkflowReader } from '../../../../src/know/readers/github-workflow/github-workflow.ts'
import { documentedWeaknesses } from '../documented.ts'

// What GitHub, CodeQL, zizmor, poutine, OpenSSF Scorecard and GitHub Security Lab document, in texts of our own.
documentedWeaknesses(
  githubWorkflowReader,
  '.github/workflows/ci.yml',
  new URL('documented', import.meta.url).pathname,
)
