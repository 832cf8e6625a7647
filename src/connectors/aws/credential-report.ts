import type { UserDetail } from '@aws-sdk/client-iam'
import { FirebreakError } from '../../core/contract/errors.ts'
import type { Account } from './account.ts'

const PAUSE_MS = 2_000
/** A report of thousands of users takes a minute. */
const MOST_LOOKS = 60

/**
 * The credential report as `aws iam get-credential-report` prints it. AWS makes one anew every four hours at most, so that it
 * may tell of users that are gone by now: of `users`, those that are there, none else is told.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
 */
export async function credentialReport(account: Account, users: readonly UserDetail[] | undefined) {
  const { call, iam, sdk, io } = account
  for (let looks = 1; ; looks++) {
    const { State } = await call('having a credential report made', () =>
      iam.send(new sdk.iam.GenerateCredentialReportCommand({})),
    )
    if (State === 'COMPLETE') break
    if (looks === MOST_LOOKS)
      throw new FirebreakError(
        'RATE_LIMITED',
        'the credential report was not ready in time',
        'Observe again.',
      )
    await io.sleep(PAUSE_MS)
  }
  const report = await call('reading the credential report', () =>
    iam.send(new sdk.iam.GetCredentialReportCommand({})),
  )
  const lines = Buffer.from(report.Content ?? [])
    .toString('utf8')
    .split('\n')
  const content = lines.filter(
    (line, index) => index === 0 || line.startsWith('<root_account>,') || isOf(line, users),
  )
  return {
    Content: Buffer.from(content.join('\n')).toString('base64'),
    ReportFormat: report.ReportFormat,
    GeneratedTime: report.GeneratedTime?.toISOString(),
  }
}

/** Whether a line is of a user that is there, and not of one who bore the name before. */
function isOf(line: string, users: readonly UserDetail[] | undefined): boolean {
  if (!users) return true
  const name = line.slice(0, Math.max(0, line.indexOf(',arn:')))
  const user = users.find(({ UserName }) => UserName === name)
  const created = user?.CreateDate?.toISOString().slice(0, 'yyyy-mm-ddThh:mm:ss'.length) ?? ''
  return user !== undefined && line.startsWith(`${name},${user.Arn},${created}`)
}
