import { namedRepository } from '../../core/contract/repository-key.ts'
import type { Ref } from '../../core/contract/ref.ts'

/** The issuer of the tokens that jobs of GitHub Actions can ask for. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com'

/** Whose tokens a cloud takes: those of one repository's jobs, or of more than one owner can vouch for. */
export interface Admitted {
  readonly repository?: Ref
  /** Under which condition a job of the repository has such a token; none where any has. */
  readonly when?: string
  /** Why strangers have such a token, too. */
  readonly loose?: string
  /** Of whom such a stranger must have a repository, where not anyone’s will do. */
  readonly owner?: string
}

/** Only who reads the condition can tell whom it lets in. */
export function isUnclear({ repository, when, loose }: Admitted): boolean {
  return repository === undefined && loose === undefined && when !== undefined
}

/**
 * What a subject of GitHub's tokens, or a pattern for one, lets in: `repo:acme/shop:ref:refs/heads/main`.
 * https://docs.github.com/en/actions/reference/security/oidc
 */
export function admittedBy(subject: string): Admitted {
  const [, owner = '', name = '', rest] = /^repo:([^/:]*)(?:\/([^:]*))?(?::(.*))?$/s.exec(subject) ?? []
  if (owner === '' || owner.includes('*'))
    return subject.startsWith('repo:') || subject.includes('*')
      ? { loose: `the subject ${subject} is that of anyone’s repository` }
      : { when: `the token’s subject is ${subject}` }
  if (name === '' || name.includes('*'))
    return {
      loose: `the subject ${subject} is that of every repository of ${owner}, also of one made for it`,
      owner,
    }
  return { repository: githubRepository(`${owner}/${name}`), ...whenOf(rest) }
}

/** `acme/shop` */
export function githubRepository(path: string): Ref {
  return namedRepository(`github.com/${path}`)
}

function whenOf(rest: string | undefined): Pick<Admitted, 'when'> {
  if (rest === undefined || rest === '*') return {}
  const [, kind, value] = /^(ref|environment):(.*)$/s.exec(rest) ?? []
  if (kind === 'ref') return { when: `it runs for ${value}` }
  if (kind === 'environment') return { when: `it runs in the environment ${value}` }
  return {
    when: rest === 'pull_request' ? 'it runs for a pull request' : `its token’s subject ends in ${rest}`,
  }
}
