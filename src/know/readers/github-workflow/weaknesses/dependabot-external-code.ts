import { items, member, scalar } from '../../located.ts'
import type { ConfigWeakness } from '../weakness.ts'

export const dependabotExternalCode: ConfigWeakness = {
  id: 'dependabot-external-code',
  title: 'Dependabot may run the code of what it updates',
  severity: 'medium',
  why: 'A manifest of a dependency runs commands where Dependabot’s registry credentials are.',
  fix: 'Remove insecure-external-code-execution: allow, or keep private registries out of that ecosystem.',
  frameworks: ['NHI3:2025', 'CICD-SEC-3'],
  alias: 'dependabot-execution',
  references: [
    'https://docs.github.com/en/code-security/dependabot/working-with-dependabot/dependabot-options-reference#insecure-external-code-execution--',
  ],
  reads: path => /(?:^|\/)dependabot\.ya?ml$/i.test(path),
  *findIn(root) {
    for (const update of items(member(root, 'updates'))) {
      const found = member(update, 'insecure-external-code-execution')
      if (found && scalar(found) === 'allow')
        yield {
          line: found.keyLine ?? found.line,
          certainty: 'proven',
          why: `updates of ${scalar(member(update, 'package-ecosystem')) ?? 'an ecosystem'} may run code`,
        }
    }
  },
}
