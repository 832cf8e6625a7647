import { items, type Located, member, scalar } from '../../located.ts'
import { embeddedIn } from '../expression.ts'
import { stepsOf, type Weakness } from '../weakness.ts'
import { type Step, versionOf, type Workflow } from '../workflow.ts'
import { strangersCode } from './workflow-untrusted-checkout.ts'

export const workflowCachePoisoning: Weakness = {
  id: 'workflow-cache-poisoning',
  title: 'What is released is built from a cache that others can fill',
  severity: 'high',
  why: 'A cache entry that a less trusted job wrote ends up in what the users get.',
  fix: 'Build releases without caches: turn the action’s cache off in this workflow.',
  frameworks: ['NHI3:2025', 'CICD-SEC-9'],
  alias: 'cache-poisoning',
  references: ['https://docs.github.com/en/actions/reference/workflows-and-actions/dependency-caching'],
  *find(workflow) {
    const releases = releaseTrigger(workflow)
    const strangers = new Set([...strangersCode(workflow)].map(({ job }) => job))
    for (const { job, step } of stepsOf(workflow)) {
      const action = step.uses?.kind === 'repository' ? step.uses.action : undefined
      const cache = action === undefined ? undefined : CACHES[action]
      const publishes = releases ?? (job.steps.some(isPublisher) ? 'it publishes what it builds' : undefined)
      if (!cache) continue
      const state = cacheState(cache, step, workflow)
      if (state === 'off') continue
      // What runs for the default branch writes caches that every branch reads.
      if (strangers.has(job))
        yield {
          line: step.line,
          certainty: 'conditional',
          why: `${action} saves a cache of the default branch, which a stranger’s code fills`,
          job,
        }
      if (publishes === undefined) continue
      yield {
        line: step.line,
        certainty: state === 'on' ? 'proven' : 'conditional',
        why: `${action} restores a cache, and ${publishes}`,
        job,
      }
    }
  },
}

/** When an action uses a cache: by an input that turns it on or off, or always. */
interface Cache {
  readonly on?: readonly string[]
  readonly off?: readonly string[]
  /** Without any of them set. */
  readonly byDefault: boolean | ((step: Step, workflow: Workflow) => boolean)
  /** Inputs without which there is no cache whatever the others say. */
  readonly needs?: readonly string[]
}

const always: Cache = { byDefault: true }
const optIn = (...on: string[]): Cache => ({ on, byDefault: false })
const optOut = (...on: string[]): Cache => ({ on, byDefault: true })

/** Actions that keep caches, as their READMEs describe their inputs. */
const CACHES: Readonly<Record<string, Cache>> = {
  'actions/cache': { off: ['lookup-only'], byDefault: true },
  'actions/cache/restore': { off: ['lookup-only'], byDefault: true },
  'actions/setup-dotnet': optIn('cache'),
  'actions/setup-go': optOut('cache'),
  'actions/setup-java': optIn('cache'),
  'actions/setup-node': {
    on: ['cache', 'package-manager-cache'],
    // From its fifth version on it keeps one where package.json names the package manager.
    byDefault: step => (step.uses && (versionOf(step.uses)?.[0] ?? 5) >= 5) === true,
  },
  'actions/setup-python': optIn('cache'),
  'actions-rust-lang/setup-rust-toolchain': optOut('cache'),
  'astral-sh/setup-uv': {
    on: ['enable-cache'],
    // From its tenth version on it keeps none where a release or a tag is built.
    byDefault: step => (step.uses && (versionOf(step.uses)?.[0] ?? 9) < 10) === true,
  },
  'awalsh128/cache-apt-pkgs-action': always,
  'coursier/cache-action': always,
  'denoland/setup-deno': optIn('cache'),
  'determinatesystems/magic-nix-cache-action': always,
  // Layers that are kept as caches of Actions, and pushed; those of a registry only who may push there fills.
  'docker/build-push-action': {
    byDefault: step =>
      /type=gha/.test(scalar(step.with.get('cache-from')) ?? '') && !isOff(step.with.get('push')),
  },
  'docker/setup-buildx-action': { on: ['cache-binary'], byDefault: true, needs: ['version'] },
  'golangci/golangci-lint-action': { off: ['skip-cache'], byDefault: true },
  'gradle/actions/setup-gradle': { off: ['cache-disabled'], byDefault: true },
  'gradle/gradle-build-action': { off: ['cache-disabled'], byDefault: true },
  'jdx/mise-action': optOut('cache'),
  'julia-actions/cache': always,
  'mlugg/setup-zig': optOut('use-cache'),
  'moonrepo/setup-rust': optOut('cache'),
  'mozilla-actions/sccache-action': always,
  'nix-community/cache-nix-action': always,
  'pnpm/action-setup': optIn('cache'),
  'prefix-dev/setup-pixi': optOut('cache'),
  'pyo3/maturin-action': optIn('sccache'),
  'ramsey/composer-install': { off: ['ignore-cache'], byDefault: true },
  'ruby/setup-ruby': optIn('bundler-cache'),
  'swatinem/rust-cache': { off: ['lookup-only'], byDefault: true },
}

type CacheState = 'on' | 'maybe' | 'off'

function cacheState(cache: Cache, step: Step, workflow: Workflow): CacheState {
  if (cache.needs?.some(input => isOff(step.with.get(input)))) return 'off'
  for (const input of cache.off ?? []) {
    const value = step.with.get(input)
    if (value !== undefined) return opposite(switched(value, workflow))
  }
  const given = (cache.on ?? []).flatMap(input => {
    const value = step.with.get(input)
    return value === undefined || scalar(value) === 'auto' ? [] : [switched(value, workflow)]
  })
  if (given.includes('on')) return 'on'
  if (given.includes('maybe')) return 'maybe'
  if (given.length > 0) return 'off'
  return (typeof cache.byDefault === 'boolean' ? cache.byDefault : cache.byDefault(step, workflow))
    ? 'on'
    : 'off'
}

function opposite(state: CacheState): CacheState {
  return state === 'on' ? 'off' : state === 'off' ? 'on' : 'maybe'
}

function switched(value: Located, workflow: Workflow): CacheState {
  const text = scalar(value) ?? ''
  if (embeddedIn(text).length === 0) return isOff(value) ? 'off' : 'on'
  if (isNeverOnTags(text) && onlyTags(workflow)) return 'off'
  return 'maybe'
}

function isOff(value: Located | undefined): boolean {
  return /^(?:|false|no|off|0|none)$/i.test((scalar(value) ?? '').trim())
}

/** An expression that is false for every tag. */
function isNeverOnTags(text: string): boolean {
  return (
    /^\$\{\{\s*!\s*startsWith\(\s*github\.ref\s*,\s*'refs\/tags\/?'\s*\)\s*\}\}$/i.test(text) ||
    /^\$\{\{\s*!\s*\(?[^|]*github\.ref_type\s*==\s*'tag'[^|]*\)?\s*\}\}$/i.test(text) ||
    /^\$\{\{\s*github\.ref_type\s*!=\s*'tag'\s*\}\}$/i.test(text)
  )
}

const RELEASE_BRANCH = /^(?:release|releases)(?:[-/._].*|\*.*)?$/i

/** Whatever makes it release something is a tag: a release is of one, too. */
function onlyTags(workflow: Workflow): boolean {
  const branches = items(member(workflow.triggers.get('push'), 'branches')).map(
    branch => scalar(branch) ?? '',
  )
  return !branches.some(branch => RELEASE_BRANCH.test(branch))
}

function releaseTrigger(workflow: Workflow): string | undefined {
  if (workflow.triggers.has('release')) return 'it runs for releases'
  const push = workflow.triggers.get('push')
  if (items(member(push, 'tags')).length > 0) return 'it runs for tags'
  if (items(member(push, 'branches')).some(branch => RELEASE_BRANCH.test(scalar(branch) ?? '')))
    return 'it runs for a release branch'
  return undefined
}

/** Actions that make what they are given public; with the input that says that it does not. */
const PUBLISHERS: Readonly<Record<string, string | undefined>> = {
  'actions/create-release': undefined,
  'actions/deploy-pages': undefined,
  'actions/upload-release-asset': undefined,
  'changesets/action': undefined,
  'cloudflare/wrangler-action': undefined,
  'docker/build-push-action': 'push',
  'elgohr/publish-docker-github-action': undefined,
  'goreleaser/goreleaser-action': undefined,
  'ncipollo/release-action': undefined,
  'pypa/gh-action-pypi-publish': undefined,
  'rubygems/release-gem': undefined,
  'softprops/action-gh-release': undefined,
  'svenstaro/upload-release-action': undefined,
}

const PUBLISHES =
  /\b(?:(?:npm|pnpm|yarn|bun|lerna|cargo|poetry|flit|hatch|pdm|uv|vsce|ovsx)\s+(?:npm\s+)?publish|twine\s+upload|gem\s+push|gh\s+release\s+(?:create|upload)|dotnet\s+nuget\s+push|(?:docker|podman|buildah|helm)\s+push|mvn\w?\s[^;|&\n]{0,300}\bdeploy|gradlew?\s[^;|&\n]{0,300}\bpublish\w*|goreleaser\s+release)\b(?![^\n]*--dry-run)/

function isPublisher(step: Step): boolean {
  if (PUBLISHES.test(scalar(step.run) ?? '')) return true
  const action = step.uses?.action ?? ''
  if (!(action in PUBLISHERS)) return false
  const input = PUBLISHERS[action]
  return input === undefined || !step.with.has(input) || !isOff(step.with.get(input))
}
