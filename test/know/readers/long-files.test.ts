import { expect, test } from 'vitest'
import { azureReader } from '../../../src/know/readers/azure/azure.ts'
import { githubWorkflowReader } from '../../../src/know/readers/github-workflow/github-workflow.ts'
import { gitlabCiReader } from '../../../src/know/readers/gitlab-ci/gitlab-ci.ts'
import type { Reader } from '../../../src/know/readers/reader.ts'
import { terraformReader } from '../../../src/know/readers/terraform/terraform.ts'
import { observed } from './both-ways.ts'
import { processorTime } from '../../processor-time.ts'

const many = (count: number, one: (at: number) => string) => Array.from({ length: count }, (_, at) => one(at))

const forms: readonly (readonly [string, Reader, string, (count: number) => string])[] = [
  [
    'role assignments on one subscription',
    azureReader,
    'roles.json',
    count =>
      JSON.stringify(
        many(count, at => `p${at}`).map(principalId => ({
          id: `/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/${principalId}`,
          principalId,
          roleDefinitionName: 'Reader',
          scope: '/subscriptions/s',
        })),
      ),
  ],
  [
    'jobs that need one another',
    githubWorkflowReader,
    '.github/workflows/ci.yml',
    count =>
      `on: pull_request_target\njobs:\n${many(
        count,
        at =>
          `  j${at}:\n    needs: [j${Math.max(0, at - 1)}]\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v4\n        with: { ref: "\${{ github.event.pull_request.head.sha }}" }\n      - run: echo "\${{ secrets.S${at} }}"\n`,
      ).join('')}`,
  ],
  [
    'jobs that extend one',
    gitlabCiReader,
    '.gitlab-ci.yml',
    count =>
      `.base:\n  script: [make]\n${many(count, at => `j${at}:\n  extends: .base\n  needs: [j${at}]\n`).join('')}`,
  ],
  [
    'resources that name one another',
    terraformReader,
    'main.tf',
    count =>
      many(
        count,
        at =>
          `resource "aws_iam_user" "u${at}" {\n  name = "u${at}"\n}\nresource "aws_iam_user_policy_attachment" "p${at}" {\n  user = aws_iam_user.u${at}.name\n  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"\n}\n`,
      ).join(''),
  ],
  [
    'blocks within one',
    terraformReader,
    'main.tf',
    count => `resource "a" "b" {\n${many(count, at => `  x {\n    y = ${at}\n  }\n`).join('')}}\n`,
  ],
]

/** The processor's time for a file of so many, the better of two. */
async function took(reader: Reader, path: string, text: string): Promise<number> {
  const times: number[] = []
  for (let run = 0; run < 2; run++) {
    const worked = processorTime()
    await observed(reader, path, text)
    times.push(worked())
  }
  return Math.min(...times)
}

// Eight times as much would take sixty-four times as long where each is compared with each.
test.each(forms)(
  'a file of many %s is read in the time that its length takes',
  async (_, reader, path, text) => {
    await took(reader, path, text(250))
    const few = await took(reader, path, text(250))
    expect((await took(reader, path, text(2000))) / Math.max(few, 20)).toBeLessThan(32)
  },
)
