import { BlockList, isIP, isIPv6 } from 'node:net'
import type { Context } from './context.ts'
import { arnParts, expand } from './expansion.ts'
import type { Condition } from './policy.ts'
import { all, any, not, type Truth, truthOf } from './truth.ts'
import { ANY, fits, ONE, type Token } from './wildcard.ts'

const COLON = 0x3a

/**
 * Whether a request meets one condition, as IAM decides it:
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and, for keys of
 * several values, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
export function meets(
  condition: Condition,
  variables: boolean,
  context: Context,
  effect: 'Allow' | 'Deny',
): Truth {
  const operator = readOperator(condition.operator)
  // IAM refuses to store such a policy; what another system does with it is not known.
  if (!operator) return 'unknown'
  const given = context.get(condition.key)
  if (given === 'unknown') return 'unknown'
  // Whoever asks meets what allows, and avoids what denies.
  if (given === 'chosen') return truthOf(effect === 'Allow')
  if (operator.name === 'null') return isNull(condition, given)
  // To a set operator, what has no text is no value; where there is none, IfExists makes no difference to it.
  const values = given === 'absent' ? [] : operator.set ? given.filter(value => value !== '') : given
  if (values.length === 0) {
    if (operator.set) return truthOf(operator.set === 'all')
    return truthOf(operator.ifExists || operator.negated)
  }
  const compare = comparisons[operator.name]!
  const one = (value: string) => {
    const equal = any(condition.values.map(wanted => compare(value, wanted, variables, context)))
    return operator.negated ? not(equal) : equal
  }
  const truths = values.map(one)
  // Without a set operator a negated one holds only if no value equals.
  const needsAll = operator.set === 'all' || (operator.set === undefined && operator.negated)
  return needsAll ? all(truths) : any(truths)
}

/** `StringNotEquals aws:SourceVpc vpc-1`, for people. */
export function conditionText({ operator, key, values }: Condition): string {
  return `${operator} ${key} ${values.join(' or ')}`
}

interface Operator {
  readonly name: string
  readonly negated: boolean
  readonly ifExists: boolean
  readonly set: 'all' | 'any' | undefined
}

function readOperator(text: string): Operator | undefined {
  const match = /^(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?$/.exec(text.toLowerCase())
  if (!match) return undefined
  const [, set, base, ifExists] = match
  const negated = /^(string|numeric|date|arn)not/.test(base!) || base === 'notipaddress'
  const name = base!.replace(/^(string|numeric|date|arn)not/, '$1').replace(/^notip/, 'ip')
  if (name !== 'null' && !Object.hasOwn(comparisons, name)) return undefined
  return {
    name,
    negated,
    ifExists: ifExists !== undefined,
    set: set === 'forallvalues' ? 'all' : set === 'foranyvalue' ? 'any' : undefined,
  }
}

/** Present means that the key has a value. */
function isNull(condition: Condition, given: readonly string[] | 'absent'): Truth {
  return truthOf(condition.values.some(value => (value.toLowerCase() === 'true') === (given === 'absent')))
}

type Compare = (given: string, wanted: string, variables: boolean, context: Context) => Truth

const comparisons: Readonly<Record<string, Compare>> = {
  stringequals: text((given, wanted) => given === wanted),
  stringequalsignorecase: text((given, wanted) => given.toLowerCase() === wanted.toLowerCase()),
  stringlike: fitsExpanded,
  numericequals: parsed(numberOf, (given, wanted) => given === wanted),
  numericlessthan: parsed(numberOf, (given, wanted) => given < wanted),
  numericlessthanequals: parsed(numberOf, (given, wanted) => given <= wanted),
  numericgreaterthan: parsed(numberOf, (given, wanted) => given > wanted),
  numericgreaterthanequals: parsed(numberOf, (given, wanted) => given >= wanted),
  dateequals: parsed(dateOf, (given, wanted) => given === wanted),
  datelessthan: parsed(dateOf, (given, wanted) => given < wanted),
  datelessthanequals: parsed(dateOf, (given, wanted) => given <= wanted),
  dategreaterthan: parsed(dateOf, (given, wanted) => given > wanted),
  dategreaterthanequals: parsed(dateOf, (given, wanted) => given >= wanted),
  bool: text((given, wanted) => given.toLowerCase() === wanted.toLowerCase()),
  binaryequals: plain((given, wanted) => Buffer.from(given, 'base64').equals(Buffer.from(wanted, 'base64'))),
  ipaddress: plain(isInRange),
  // The two are the same: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
  arnequals: arn,
  arnlike: arn,
}

/** Where wildcards are none, a star stands for itself. */
function text(holds: (given: string, wanted: string) => boolean): Compare {
  return (given, wanted, variables, context) =>
    onceExpanded(wanted, variables, context, expanded =>
      holds(given, wanted.includes('${') ? literally(expanded) : wanted),
    )
}

function literally(expanded: readonly Token[]): string {
  return expanded
    .map(token => (token === ANY ? '*' : token === ONE ? '?' : String.fromCharCode(token)))
    .join('')
}

/** Whether the whole text fits a pattern, once its variables are replaced. */
export function fitsExpanded(given: string, wanted: string, variables: boolean, context: Context): Truth {
  return onceExpanded(wanted, variables, context, expanded => fits(expanded, given))
}

/** What a variable without a value stands in fits nothing. */
function onceExpanded(
  wanted: string,
  variables: boolean,
  context: Context,
  holds: (expanded: readonly Token[]) => boolean,
): Truth {
  const expanded = expand(wanted, variables, context)
  if (typeof expanded === 'string') return expanded === 'unknown' ? 'unknown' : 'no'
  return truthOf(holds(expanded))
}

/** Only texts and ARNs can have variables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html */
function plain(holds: (given: string, wanted: string) => boolean): Compare {
  return (given, wanted) => truthOf(holds(given, wanted))
}

/** What either side cannot be read as, nothing holds of. */
function parsed(
  parse: (text: string) => number | undefined,
  holds: (given: number, wanted: number) => boolean,
): Compare {
  return plain((given, wanted) => {
    const [one, other] = [parse(given), parse(wanted)]
    return one !== undefined && other !== undefined && holds(one, other)
  })
}

function numberOf(text: string): number | undefined {
  return /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/.test(text) ? Number(text) : undefined
}

/** ISO 8601 as https://www.w3.org/TR/NOTE-datetime has it, from a year alone; or seconds since 1970. */
function dateOf(text: string): number | undefined {
  const trimmed = text.trim()
  const iso = /^\d{4}(?:-\d\d(?:-\d\d(?<time>T[\d:.]+(?<zone>Z|[-+]\d\d:?\d\d)?)?)?)?$/i.exec(trimmed)
  if (!iso) return /^-?\d+(?:\.\d+)?$/.test(trimmed) ? Number(trimmed) * 1000 : undefined
  // A time that names no zone would be read as that of this machine.
  const { time, zone } = iso.groups!
  const parsed = Date.parse(time && !zone ? `${trimmed}Z` : trimmed)
  return Number.isNaN(parsed) ? undefined : parsed
}

function isInRange(given: string, wanted: string): boolean {
  const [network, prefix, rest] = wanted.trim().split('/')
  const address = given.trim()
  if (rest !== undefined || !isIP(network!) || !isIP(address)) return false
  const family = isIPv6(network!) ? 'ipv6' : 'ipv4'
  if ((isIPv6(address) ? 'ipv6' : 'ipv4') !== family) return false
  const most = family === 'ipv6' ? 128 : 32
  const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1
  if (bits < 0 || bits > most) return false
  const range = new BlockList()
  range.addSubnet(network!, bits, family)
  return range.check(address, family)
}

/** Each of the six parts by itself; a wildcard does not reach over a colon, and no part may be left out. */
function arn(given: string, wanted: string, variables: boolean, context: Context): Truth {
  if (wanted === '*') return 'yes'
  return onceExpanded(wanted, variables, context, expanded => partsFit(given, expanded, 6))
}

/** Whether an ARN fits a pattern for one, part by part. A part that the pattern lacks is any. */
export function arnFits(given: string, wanted: string, variables: boolean, context: Context): Truth {
  return onceExpanded(wanted, variables, context, expanded => partsFit(given, expanded, 1))
}

function partsFit(given: string, wanted: readonly Token[], least: number): boolean {
  const [parts, patterns] = [arnParts(given), tokenParts(wanted)]
  return (
    patterns.length >= least &&
    patterns.every((part, index) => parts[index] !== undefined && fits(part, parts[index]))
  )
}

/** As `arnParts`; a variable may have stood for several. */
function tokenParts(pattern: readonly Token[]): (readonly Token[])[] {
  const parts: (readonly Token[])[] = []
  let start = 0
  for (let at = 0; at < pattern.length && parts.length < 5; at++) {
    if (pattern[at] !== COLON) continue
    parts.push(pattern.slice(start, at))
    start = at + 1
  }
  return [...parts, pattern.slice(start)]
}
