import { lineAt, scalar } from '../../located.ts'
import type { Weak, Weakness } from '../../weakness.ts'
import type { AzureJob, AzurePipeline } from '../azure-pipeline.ts'

/**
 * Variables that whoever proposes a change writes; a macro is put into the script before the shell reads it.
 * https://learn.microsoft.com/en-us/azure/devops/pipelines/build/variables
 */
const WRITTEN_BY_OUTSIDERS =
  /^(?:Build\.(?:SourceVersionMessage|SourceVersionAuthor|SourceBranch|SourceBranchName|RequestedFor)|System\.PullRequest\.(?:SourceBranch|SourceBranchName|SourceRepositoryURI|TargetBranchName|Title|Description)|Release\.Artifacts\..+\.(?:SourceBranch|SourceBranchName|SourceVersionMessage))$/i

export const azurePipelinesScriptInjection: Weakness<AzurePipeline, AzureJob> = {
  id: 'azure-pipelines-script-injection',
  title: 'Text that others write becomes part of a script',
  severity: 'high',
  why: 'Whoever writes that text runs commands as the job, with its service connections and secrets.',
  fix: 'Give the value to the script by env:, and use it there as a quoted shell variable.',
  frameworks: ['NHI4:2025', 'CICD-SEC-4'],
  crossing: true,
  references: ['https://learn.microsoft.com/en-us/azure/devops/pipelines/security/inputs'],
  *find(pipeline) {
    for (const job of pipeline.jobs)
      for (const script of job.scripts) {
        const text = scalar(script) ?? ''
        for (const { groups, index } of text.matchAll(
          /\$\((?<macro>[\w.-]{1,200})\)|\$\[\s*variables\[?['.]{1,2}(?<runtime>[\w.-]{1,200})|\$\{\{\s*(?<template>[^}]{1,400}?)\s*\}\}/g,
        )) {
          const said = controlOf(groups ?? {}, pipeline, job, 0)
          if (said) yield { line: lineAt(script, index), ...said, job }
        }
      }
  },
}

type Said = Pick<Weak<AzureJob>, 'certainty' | 'when' | 'why'>

function controlOf(
  { macro, runtime, template }: { [key: string]: string | undefined },
  pipeline: AzurePipeline,
  job: AzureJob,
  depth: number,
): Said | undefined {
  const variable = macro ?? runtime ?? variableIn(template ?? '')
  if (variable !== undefined && WRITTEN_BY_OUTSIDERS.test(variable)) {
    const branch = /branch/i.test(variable)
    return {
      certainty: 'conditional',
      when:
        branch || pipeline.pullRequests
          ? 'a pull request of theirs starts it, or they may push'
          : 'their commit comes into the repository',
      why: `${variable}, which others write, becomes part of a script`,
    }
  }
  // A variable is what the file says of it.
  const given = variable === undefined ? undefined : scalar(job.variables.get(variable))
  if (given !== undefined && depth < 3) {
    const [, inner] = /^\$\(([\w.-]{1,200})\)$/.exec(given) ?? []
    if (inner !== undefined) return controlOf({ macro: inner }, pipeline, job, depth + 1)
    const [, within] = /^\$\{\{\s*(.{1,400}?)\s*\}\}$/.exec(given) ?? []
    if (within !== undefined) return controlOf({ template: within }, pipeline, job, depth + 1)
  }
  const parameter = /\bparameters(?:\.|\[')(\w[\w-]*)/.exec(template ?? '')?.[1]
  if (parameter === undefined || (pipeline.parameters.get(parameter) ?? 'string') !== 'string')
    return undefined
  return {
    certainty: 'conditional',
    when: 'they may start a run with parameters of their own',
    why: `the parameter ${parameter} becomes part of a script, and may hold any text`,
  }
}

function variableIn(template: string): string | undefined {
  return /^variables(?:\['|\.)([\w.-]{1,200})/.exec(template)?.[1]
}
