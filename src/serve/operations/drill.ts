import pc from 'picocolors'
import { z } from 'zod'
import { FirebreakError } from '../../core/contract/errors.ts'
import { type DrillReport, runDrill } from './drill/run.ts'
import { defineOperation } from './operation.ts'
import { wrap } from './wrap.ts'

const input = z.strictObject({
  emergency: z.boolean().default(false).describe('cut first, replace after'),
})

export const drill = defineOperation<z.infer<typeof input>, DrillReport>({
  name: 'drill',
  summary: 'Rehearse a leak from find to proof on a throw-away estate',
  permission: 'read',
  input,
  examples: [
    { command: 'firebreak drill', shows: 'the whole of it: replaced first, then cut, nothing fails' },
    { command: 'firebreak drill --emergency', shows: 'cut first: the services fail for a moment' },
  ],
  // It keeps a home of its own, so that the rehearsal never touches the real inventory.
  needsStore: () => false,
  async run(world, given) {
    if (process.platform === 'win32')
      throw new FirebreakError('UNSUPPORTED', 'the drill needs a POSIX system', 'run it on Linux or macOS')
    return await runDrill(world, given.emergency ? 'emergency' : 'graceful')
  },
  text(report, width) {
    const mark = (ok: boolean) => (ok ? pc.green('ok') : pc.red('FAILED'))
    return [
      '',
      pc.bold('What the drill checked by itself'),
      ...report.checks.map(check =>
        wrap(`${mark(check.ok)}  ${check.what}: ${check.saw}`, width, '  ', '      '),
      ),
      '',
      wrap(`The evidence was kept in ${report.kept}:`, width, '', '  '),
      ...report.files.map(file => `  ${file}`),
      'Check it yourself:',
      `  firebreak evidence verify --file ${report.kept}/evidence.jsonl \\`,
      `    --anchor ${report.kept}/anchor.json`,
      '',
      report.passed
        ? pc.bold(pc.green(`The drill passed in ${report.seconds} s (${report.mode}).`))
        : pc.bold(pc.red(`The drill FAILED after ${report.seconds} s (${report.mode}).`)),
      '',
    ].join('\n')
  },
  exitCode: report => (report.passed ? 0 : 1),
})
