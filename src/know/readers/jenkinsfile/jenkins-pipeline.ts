import type { Located } from '../located.ts'
import type { Pipeline, PipelineJob } from '../pipeline/pipeline.ts'
import { type Block, isBlock, type Statement } from './block.ts'
import type { Token } from './token.ts'

/** A pipeline of Jenkins, or a step of a shared library, as far as what its stages may do and who decides about it. */
export interface JenkinsPipeline extends Pipeline<JenkinsStage> {
  readonly root: Block
  /** Types of its parameters: `string`, `choice`. */
  readonly parameters: ReadonlyMap<string, string>
}

/** A stage that does something; what stands outside of any is one, too, called `pipeline`. */
export interface JenkinsStage extends PipelineJob {
  readonly agent: Agent | undefined
  /** Every step that is called in it, with what it is given. */
  readonly steps: readonly Step[]
  /** Credentials by their ids in Jenkins, with their lines. */
  readonly credentials: ReadonlyMap<string, number>
  /** Variables that credentials are bound to. */
  readonly secretVariables: ReadonlySet<string>
  /** Variables of the script, as they are given: for what becomes part of a string. */
  readonly given: ReadonlyMap<string, readonly Token[]>
  /** `when { changeRequest() }`, or a condition that speaks of one. */
  readonly forChangeRequests: boolean
}

export interface Agent {
  readonly line: number
  /** `any`, `none`, a label, `docker`, `kubernetes`. */
  readonly kind: string
}

export interface Step {
  readonly name: string
  readonly line: number
  /** All that it is given, without what stands in braces after it. */
  readonly args: readonly Token[]
}

const SHELLS = new Set(['sh', 'bat', 'powershell', 'pwsh'])
const BINDS =
  /^(?:variable|usernameVariable|passwordVariable|keyFileVariable|passphraseVariable|accessKeyVariable|secretKeyVariable|keystoreVariable|aliasVariable|tokenVariable)$/
/** Of a user's name nobody needs to be kept away. */
const NOT_SECRET = /^(?:usernameVariable|keyFileVariable|keystoreVariable|aliasVariable|accessKeyVariable)$/
const MOST_STAGES = 2000
/** What stands farther behind a step’s name is not looked at, and a stage is given no more than so much. */
const MOST_ARGUMENTS = 400
const MOST_GIVEN = 1000
/** Calls within one statement. */
const MOST_CALLS = 50
/** What gives a pipeline its form, and does nothing by itself. */
const STRUCTURE =
  /^(?:stage|node|parallel|stages|when|post|tools|options|triggers|parameters|environment|string|choice|booleanParam|text|password|credentials|label|branch|changeRequest|expression|withCredentials|sshagent|withRegistry|image|args|docker)$/

export function jenkinsPipelineOf(path: string, root: Block): JenkinsPipeline {
  const stages: Draft[] = []
  const outer = draft('pipeline', 1, undefined)
  visit(root, outer, [], stages, 0)
  const all = [outer, ...stages].filter(one => one.steps.length > 0)
  return {
    path,
    runtime: 'Jenkins',
    root,
    parameters: outer.parameters,
    variables: outer.variables,
    jobs: all.map(one => ({ ...one, agent: one.agent ?? outer.agent, ownRunner: undefined })),
  }
}

interface Draft {
  id: string
  line: number
  scripts: Located[]
  images: Located[]
  containerOptions: { readonly line: number; readonly text: string }[]
  variables: Map<string, Located>
  agent: Agent | undefined
  steps: Step[]
  credentials: Map<string, number>
  secretVariables: Set<string>
  given: Map<string, readonly Token[]>
  forChangeRequests: boolean
  parameters: Map<string, string>
}

/** What stands around a stage is its own, too. */
function draft(id: string, line: number, around: Draft | undefined): Draft {
  return {
    id,
    line,
    scripts: [],
    images: [...(around?.images ?? [])],
    containerOptions: [...(around?.containerOptions ?? [])],
    variables: new Map(around?.variables),
    agent: around?.agent,
    steps: [],
    credentials: new Map(around?.credentials),
    secretVariables: new Set(around?.secretVariables),
    given: new Map(around?.given),
    forChangeRequests: around?.forChangeRequests ?? false,
    parameters: around?.parameters ?? new Map(),
  }
}

function visit(block: Block, stage: Draft, names: readonly string[], stages: Draft[], depth: number): void {
  for (const statement of block.statements) {
    const tokens = statement.filter((one): one is Token => !isBlock(one))
    see(tokens, block, stage)
    for (const inner of statement) {
      if (!isBlock(inner)) continue
      seeCall(inner, stage)
      const named = inner.name === 'stage' ? inner.call.find(one => one.kind === 'string') : undefined
      if (inner.name === 'stage' && stages.length < MOST_STAGES) {
        const path = [...names, named?.text ?? `stage ${stages.length + 1}`]
        const own = draft(path.join('/'), inner.line, stage)
        stages.push(own)
        visit(inner, own, path, stages, depth + 1)
      } else visit(inner, stage, names, stages, depth + 1)
    }
  }
}

/** A call with braces after it: what it gives to all within. */
function seeCall({ name, call, line, statements }: Block, stage: Draft): void {
  bind(call, stage)
  if (name === 'agent') stage.agent = agentOf(line, statements, stage)
  if (name === 'node') {
    const label = call.find(one => one.kind === 'string')
    stage.agent = { line, kind: label?.text ?? 'any' }
  }
  if (name === 'changeRequest' || (name === 'expression' && speaksOfChange(statements.flat())))
    stage.forChangeRequests = true
  if (name === 'if' && speaksOfChange(call) && !call.some(one => one.text === '!'))
    stage.forChangeRequests = true
  if (name === 'environment')
    for (const statement of statements) {
      const tokens = statement.filter((one): one is Token => !isBlock(one))
      const [variable, equals, ...value] = tokens
      if (variable?.kind !== 'name' || equals?.text !== '=') continue
      const secret = value[0]?.text === 'credentials' ? value.find(one => one.kind === 'string') : undefined
      if (secret) {
        stage.credentials.set(secret.text, secret.line)
        for (const suffix of ['', '_PSW']) stage.secretVariables.add(variable.text + suffix)
      } else if (value[0]) {
        const [only, ...others] = value
        const text = others.length === 0 && only!.kind === 'string' ? only!.text : '$'
        stage.variables.set(variable.text, {
          value: text,
          line: only!.line,
          textLine: only!.line,
          keyLine: variable.line,
        })
        stage.given.set(variable.text, value)
      }
    }
}

function speaksOfChange(tokens: Statement): boolean {
  return tokens.some(
    one =>
      !isBlock(one) && /^(?:CHANGE_ID|CHANGE_URL|CHANGE_TARGET|changeRequest|ghprbPullId)$/.test(one.text),
  )
}

function agentOf(line: number, statements: readonly Statement[], stage: Draft): Agent {
  let kind = 'none'
  for (const inner of statements.flat())
    if (isBlock(inner)) {
      if (/^(?:docker|dockerfile|kubernetes)$/.test(inner.name)) kind = inner.name
      if (inner.name === 'node' || inner.name === 'label') kind = 'label'
      if (inner.name === 'docker')
        for (const statement of inner.statements) {
          const [name, image] = statement
          if (!name || !image || isBlock(name) || isBlock(image) || image.kind !== 'string') continue
          if (name.text === 'image') stage.images.push(located(image))
          if (name.text === 'args') stage.containerOptions.push(image)
        }
    } else if (inner.kind === 'name' && ['label', 'docker', 'dockerfile', 'any'].includes(inner.text))
      kind = inner.text
    else if (inner.kind === 'string' && kind === 'label') kind = inner.text
    else if (inner.kind === 'string' && kind === 'docker') stage.images.push(located(inner))
  return { line, kind }
}

/** A plain statement: steps that it calls, variables that it gives, an agent. */
function see(tokens: readonly Token[], within: Block, stage: Draft): void {
  const [first, second] = tokens
  if (!first) return
  if (first.text === 'agent' && second?.kind === 'name' && !['{', '='].includes(second.text))
    stage.agent = { line: first.line, kind: second.text }
  if (first.text === 'changeRequest' && within.name === 'when') stage.forChangeRequests = true
  if (within.name === 'parameters') {
    const name = tokens[tokens.findIndex(one => one.text === 'name') + 2]
    const given = name?.kind === 'string' ? name : tokens.find(one => one.kind === 'string')
    if (given) stage.parameters.set(given.text, first.text)
  }
  const equals = tokens.findIndex(one => one.text === '=' && one.kind === 'mark')
  const variable = equals > 0 && tokens[equals + 1]?.text !== '=' ? tokens[equals - 1] : undefined
  if (variable?.kind === 'name' && stage.given.size < MOST_GIVEN)
    stage.given.set(variable.text, tokens.slice(equals + 1))
  bind(tokens, stage)
  // One step’s strings may be another’s, within it.
  const scripts = new Set<Token>()
  let calls = 0
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'name') continue
    const next = tokens[index + 1]
    const called = next?.text === '(' || next?.kind === 'string' || next?.kind === 'name'
    const isMember = tokens[index - 1]?.text === '.'
    if (!called || /^(?:def|return|if|else|in|new|String|agent)$/.test(token.text) || ++calls > MOST_CALLS)
      continue
    const args = argumentsFrom(tokens, index + 1)
    const name = isMember && !/^(?:inside|sh)$/.test(token.text) ? `.${token.text}` : token.text
    if (!STRUCTURE.test(token.text)) stage.steps.push({ name, line: token.line, args })
    if (SHELLS.has(token.text))
      for (const script of scriptsOf(args))
        if (!scripts.has(script)) {
          scripts.add(script)
          stage.scripts.push(located(script))
        }
    if (/^(?:\.run|\.withRun|inside)$/.test(name))
      stage.containerOptions.push(...args.filter(one => one.kind === 'string'))
    if (token.text === 'image' && isMember && args[0]) {
      const image = args.find(one => one.kind === 'string')
      if (image) stage.images.push(located(image))
    }
  }
}

/** What a step is given: to the parenthesis that closes it, or to the end of the statement. */
function argumentsFrom(tokens: readonly Token[], from: number): readonly Token[] {
  const some = tokens.slice(from, from + MOST_ARGUMENTS)
  if (some[0]?.text !== '(') return some
  let depth = 0
  for (const [at, { kind, text }] of some.entries()) {
    if (kind !== 'mark') continue
    if (text === '(') depth++
    if (text === ')' && --depth === 0) return some.slice(1, at)
  }
  return some.slice(1)
}

/** The strings that a shell step runs: not its label, and not how its answer is taken. */
export function scriptsOf(args: readonly Token[]): Token[] {
  return args.filter((one, index) => {
    if (one.kind !== 'string') return false
    const key = args[index - 1]?.text === ':' ? args[index - 2]?.text : undefined
    return key === undefined || key === 'script'
  })
}

/** `credentialsId: 'x'`, and the variables beside it. */
function bind(tokens: readonly Token[], stage: Draft): void {
  const ids: Token[] = []
  for (const [index, token] of tokens.entries()) {
    const value = tokens[index + 2]
    if (tokens[index + 1]?.text === ':' && value?.kind === 'string') {
      if (
        /^(?:credentialsId|credentialId|gitCredentialsId|registryCredentialsId|vaultCredentialId)$/.test(
          token.text,
        )
      )
        ids.push(value)
      else if (token.text === 'credentials' && tokens[0]?.text === 'withAWS') ids.push(value)
      else if (BINDS.test(token.text) && !NOT_SECRET.test(token.text)) stage.secretVariables.add(value.text)
    }
    // Steps that take an id by its place.
    if (/^(?:sshagent|usernameColonPassword)$/.test(token.text))
      ids.push(
        ...tokens
          .slice(index + 1)
          .filter((one, at, all) => one.kind === 'string' && all[at - 1]?.text !== ':'),
      )
    if (token.text === 'withRegistry') {
      const strings = tokens.slice(index + 1, index + 20).filter(one => one.kind === 'string')
      if (strings[1]) ids.push(strings[1])
    }
    if (token.text === 'credentials' && tokens[index + 1]?.text === '(' && value?.kind === 'string')
      ids.push(value)
  }
  for (const { text, line } of ids)
    if (!stage.credentials.has(text) && stage.credentials.size < MOST_GIVEN) stage.credentials.set(text, line)
}

function located({ text, line }: Token): Located {
  return { value: text, line, textLine: line }
}
