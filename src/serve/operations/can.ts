import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import pc from 'picocolors'
import { z } from 'zod'
import { countText } from '../../core/contract/count-text.ts'
import { FirebreakError } from '../../core/contract/errors.ts'
import { systemReason } from '../../core/contract/system-reason.ts'
import type { Answer } from '../../know/graph/aws-policy/evaluate.ts'
import { answerLine, type BatchAnswer, type BatchFailure } from '../../know/graph/aws-policy/batch.ts'
import { explainCan } from '../../know/graph/aws/explain-can.ts'
import { loadAccounts } from '../../know/graph/aws/load-accounts.ts'
import { loadRoots } from '../../know/inventory/roots.ts'
import { defineOperation, type World } from './operation.ts'
import { subjectOf } from './subject.ts'
import { wrap } from './wrap.ts'

const input = z.object({
  identity: z.string().min(1).optional().describe('an AWS user or role: its name, ARN or reference'),
  action: z
    .string()
    .regex(/^[a-z0-9-]+:[A-Za-z0-9]+$/, 'takes service:Action')
    .optional()
    .describe('what it would do, such as s3:GetObject'),
  resource: z.string().min(1).default('*').describe('the ARN that it would do it to'),
  context: z
    .array(z.string().regex(/^[^=]+=/, 'takes KEY=VALUE'))
    .default([])
    .describe('condition keys of the request; a key given twice has several values'),
  batch: z
    .string()
    .min(1)
    .optional()
    .describe('a file with one question a line, as JSON, in place of all else'),
})
type Input = z.infer<typeof input>

type Output =
  | { readonly batch: readonly (BatchAnswer | BatchFailure)[] }
  | { readonly identity: string; readonly action: string; readonly resource: string; readonly answer: Answer }

export const can = defineOperation<Input, Output>({
  name: 'can',
  summary: 'Say whether an AWS identity may do something, and why',
  permission: 'read',
  input: input as z.ZodType<Input>,
  positional: ['identity', 'action', 'resource'],
  examples: [
    {
      command: 'firebreak can deployer s3:GetObject arn:aws:s3:::reports/may.csv',
      shows: 'the verdict, and what each statement that speaks of it says',
    },
    {
      command: 'firebreak can deployer iam:PassRole --context aws:SourceVpc=vpc-1a2b3c',
      shows: 'the same for a request with more known about it',
    },
    {
      command: 'firebreak can --batch questions.jsonl',
      shows: 'a verdict for each line of a file, which holds the policies too; needs no database',
    },
  ],
  needsStore: ({ batch }) => batch === undefined,
  run,
  text,
  json: output => ('batch' in output ? output.batch : output),
  failures,
})

async function run(world: World, given: Input): Promise<Output> {
  if (given.batch !== undefined) return { batch: await answerFile(given.batch) }
  const { identity, action, resource } = given
  if (identity === undefined || action === undefined)
    throw new FirebreakError(
      'INVALID_INPUT',
      'an identity and an action are needed',
      'firebreak can IDENTITY ACTION [RESOURCE], or --batch FILE',
    )
  const subject = await subjectOf(world, identity)
  const accounts = await loadAccounts(world.db, await loadRoots(world.db))
  const answer = explainCan(
    accounts,
    subject.id,
    action,
    resource,
    contextOf(given.context),
    world.io.now().getTime(),
  )
  if (!answer)
    throw new FirebreakError(
      'UNSUPPORTED',
      `${subject.ref} is no user or role of AWS`,
      'for other systems, firebreak reach shows what an identity gets to',
    )
  return { identity: subject.names[0] ?? subject.ref, action, resource, answer }
}

function contextOf(pairs: readonly string[]): Record<string, string[]> {
  const context: Record<string, string[]> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    ;(context[pair.slice(0, at)] ??= []).push(pair.slice(at + 1))
  }
  return context
}

async function answerFile(path: string): Promise<(BatchAnswer | BatchFailure)[]> {
  const answers: (BatchAnswer | BatchFailure)[] = []
  let number = 0
  try {
    for await (const line of createInterface({
      input: createReadStream(path),
      crlfDelay: Number.POSITIVE_INFINITY,
    })) {
      number++
      if (line.trim() === '') continue
      const answer = answerLine(line)
      // What cannot be read may have no id to find it by.
      answers.push('error' in answer ? { ...answer, error: `line ${number}: ${answer.error}` } : answer)
    }
  } catch (error) {
    throw new FirebreakError(
      'NOT_FOUND',
      `${path} cannot be read: ${systemReason(error)}`,
      'give a file with one question a line',
    )
  }
  return answers
}

function text(output: Output, width: number): string {
  if ('batch' in output) return output.batch.map(answer => JSON.stringify(answer)).join('\n')
  const { identity, action, resource, answer } = output
  const speaking = answer.matches.filter(match => match.applies !== 'no')
  const near = answer.matches.filter(match => match.applies === 'no' && match.speaks)
  const silent = answer.matches.length - speaking.length - near.length
  const lines = [
    wrap(`${pc.bold(answer.verdict)}: ${identity} and ${action} on ${resource}`, width, '', '  '),
    wrap(answer.because, width, '', '  '),
    ...(speaking.length > 0 ? ['', 'What speaks of it:'] : []),
    ...speaking.map(({ kind, policy, statement, effect, applies, why }) =>
      wrap(
        `- ${effect}${applies === 'unknown' ? ', perhaps' : ''}: ${statement} of the ${kind} ${policy}, ${why}`,
        width,
        '',
        '  ',
      ),
    ),
    ...(near.length > 0 ? ['', 'What speaks of the action, but not of this:'] : []),
    ...near.map(({ kind, policy, statement, effect, why }) =>
      wrap(`- ${effect}: ${statement} of the ${kind} ${policy}, ${why}`, width, '', '  '),
    ),
    ...(silent > 0 ? ['', `Statements about other actions: ${silent}.`] : []),
  ]
  return lines.join('\n')
}

function failures(output: Output): Error[] {
  if (!('batch' in output)) return []
  const broken = output.batch.filter(answer => 'error' in answer).length
  return broken === 0
    ? []
    : [
        new FirebreakError(
          'INVALID_INPUT',
          `${broken} of ${countText(output.batch.length, 'line')} could not be read`,
          'each has an error in place of its verdict; the others were answered',
        ),
      ]
}
