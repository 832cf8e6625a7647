import { stripVTControlCharacters } from 'node:util'
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'

interface Failure {
  readonly what: string
  readonly errors: readonly SerializedError[]
}

/** Together they fit where only the end of an output is kept. */
const [MOST_LINES, MOST_LINES_OF_ONE, MOST_LINES_OF_PART, MOST_CHARACTERS] = [45, 32, 14, 300]

/** Says at the end what was skipped and why, what failed and how, and counts in one line. Where servers are required, a skip is a failure. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap(module => [...module.children.allTests()])
    const inState = (state: string) => tests.filter(test => test.result().state === state)
    const skipped = inState('skipped')
    if (skipped.length > 0) {
      console.log('Skipped:')
      for (const test of skipped)
        console.log(`  ${test.module.relativeModuleId} > ${test.fullName}${reasonOf(test)}`)
      console.log(
        'On Debian, apt-get install postgresql redis-server git docker-registry skopeo umoci openssh-server nginx mariadb-server rabbitmq-server nats-server brings the servers that tests start for themselves.',
      )
      if (process.env['FIREBREAK_REQUIRE_SERVERS'] === '1') process.exitCode = 1
    }
    const failures = failuresOf(modules, unhandled)
    // .ci/run looks for this line.
    if (failures.length > 0) console.log(['Failed:', ...told(failures)].join('\n'))
    // A file that does not load has failed, although it has no test that could.
    const broken = modules.filter(module => module.errors().length > 0).length
    console.log(
      `${inState('passed').length} passed, ${inState('failed').length + broken} failed, ${skipped.length} skipped`,
    )
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result()
  return result.state === 'skipped' && result.note ? `: ${result.note}` : ''
}

/** Tests, and files and groups that could not begin or end; what nobody waited for belongs to none. */
function failuresOf(modules: readonly TestModule[], unhandled: readonly SerializedError[]): Failure[] {
  const all = modules.flatMap(module => {
    const file = module.relativeModuleId
    return [
      { what: file, errors: module.errors() },
      ...[...module.children.allSuites()].map(suite => ({
        what: `${file} > ${suite.fullName}`,
        errors: suite.errors(),
      })),
      ...[...module.children.allTests()].map(test => ({
        what: `${file} > ${test.fullName}`,
        errors: test.result().errors ?? [],
      })),
    ]
  })
  return [...all, { what: 'beside all tests', errors: unhandled }].filter(({ errors }) => errors.length > 0)
}

/** The message and the difference of each, as many as there is room for. */
function told(failures: readonly Failure[]): string[] {
  const lines: string[] = []
  for (const [index, { what, errors }] of failures.entries()) {
    const one = errors.flatMap(error => shown(error)).slice(0, MOST_LINES_OF_ONE)
    if (lines.length + one.length >= MOST_LINES) {
      const rest = failures.slice(index).map(failure => failure.what)
      return [...lines, `  and ${rest.length} more: ${rest.join(', ')}`.slice(0, MOST_CHARACTERS)]
    }
    lines.push(`  ${what}`, ...one.map(line => `    ${line.slice(0, MOST_CHARACTERS)}`))
  }
  return lines
}

function shown({ message, diff, stacks }: SerializedError): string[] {
  const linesOf = (text: string | undefined) => (text ? stripVTControlCharacters(text).split('\n') : [])
  const [said, differs] = [linesOf(message), linesOf(diff as string | undefined)]
  const [at] = stacks ?? []
  return [
    // What was expected stands at the end, behind all that the test has to say of it.
    ...(said.length > MOST_LINES_OF_PART ? ['…', ...said.slice(-MOST_LINES_OF_PART)] : said),
    ...(at ? [`at ${at.file}:${at.line}:${at.column}`] : []),
    ...(differs.length > MOST_LINES_OF_PART ? [...differs.slice(0, MOST_LINES_OF_PART), '…'] : differs),
  ]
}
