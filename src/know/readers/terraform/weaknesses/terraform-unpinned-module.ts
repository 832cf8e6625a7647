import { member, scalar } from '../../located.ts'
import type { Weakness } from '../../weakness.ts'
import type { TerraformFile, TerraformResource } from '../module.ts'

export const terraformUnpinnedModule: Weakness<TerraformFile, TerraformResource> = {
  id: 'terraform-unpinned-module',
  title: 'A module of whatever is newest',
  severity: 'medium',
  why: 'Whoever may push there changes what is applied, with the rights of whoever applies it.',
  fix: 'Name the commit of a git source (?ref=<full sha>), and the version of one from a registry.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  references: ['https://developer.hashicorp.com/terraform/language/modules/configuration#source'],
  *find({ blocks }) {
    for (const { type, labels, body } of blocks) {
      const source = type === 'module' ? member(body, 'source') : undefined
      const text = scalar(source)
      if (!source || text === undefined || /^\.{1,2}\//.test(text)) continue
      const name = labels[0] ?? ''
      if (/^(?:git::|git@|github\.com\/|bitbucket\.org\/|hg::)|\.git(?:\/\/|\?|$)/.test(text)) {
        const ref = /[?&](?:ref|rev)=([^&]+)/.exec(text)?.[1]
        if (ref === undefined || /^(?:main|master|HEAD|develop)$/.test(ref))
          yield {
            line: source.line,
            certainty: 'proven',
            why: `the module ${name} is whatever its branch holds`,
          }
        else if (!/^[0-9a-f]{40}$/i.test(ref) && !ref.includes('$'))
          yield {
            line: source.line,
            certainty: 'potential',
            why: `the module ${name} is by a name and not by a commit`,
          }
      } else if (/^http:\/\//i.test(text))
        yield { line: source.line, certainty: 'proven', why: `the module ${name} comes over plain http` }
      else if (
        /^https:\/\/.*\.(?:zip|tar|tgz|tar\.\w+)(?:\/\/|\?|$)/i.test(text) &&
        !/[?&]checksum=/.test(text)
      )
        yield {
          line: source.line,
          certainty: 'conditional',
          why: `the module ${name} is whatever that address holds`,
        }
      else if (/^[\w.-]+\/[\w-]+\/[\w-]+(?:\/[\w-]+)?(?:\/\/.*)?$/.test(text) && !member(body, 'version'))
        yield {
          line: source.line,
          certainty: 'proven',
          why: `the module ${name} is the newest version of the registry`,
        }
    }
  },
}
