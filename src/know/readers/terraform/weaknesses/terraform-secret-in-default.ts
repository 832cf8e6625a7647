import { type Located, member, members, scalar } from '../../located.ts'
import { isSecretName } from '../../pipeline/pipeline.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

export const terraformSecretInDefault: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-secret-in-default',
  title: 'A variable’s default is a secret',
  severity: 'high',
  why: 'Whoever can read the repository has it, and so has its history for ever.',
  fix: 'Rotate it, take the default out, and give the value by the environment, a vault or an ephemeral variable.',
  frameworks: ['NHI2:2025', 'CICD-SEC-6'],
  references: [
    'https://developer.hashicorp.com/terraform/language/values/variables#suppressing-values-in-cli-output',
  ],
  *find({ blocks }) {
    for (const { type, labels, body } of blocks) {
      for (const [name, local] of type === 'locals' ? members(body) : [])
        if (isSecretName(name) && isWritten(local))
          yield { line: local.line, certainty: 'conditional', why: `${name} is given in clear` }
      const initial = type === 'variable' ? member(body, 'default') : undefined
      if (!isWritten(initial)) continue
      if (isSecretName(labels[0] ?? '') || scalar(member(body, 'sensitive')) === 'true')
        yield {
          line: initial!.line,
          certainty: 'conditional',
          why: `${labels[0] ?? ''} has a default in clear`,
        }
    }
  },
}

function isWritten(located: Located | undefined): boolean {
  const value = located?.tag === undefined ? scalar(located) : undefined
  return value !== undefined && value.length >= 4 && !/^(?:true|false|changeme|example|null)$/i.test(value)
}
