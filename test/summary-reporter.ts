import type { Reporter, TestCase, TestModule } from 'vitest/node'

/** Says at the end what was skipped and why, and counts in one line. Where servers are required, a skip is a failure. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
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
