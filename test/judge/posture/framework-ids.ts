/**
 * How the frameworks number their controls, so that an identifier that does not exist is caught. Of those with hundreds, only the
 * parts that are in use: whoever uses another looks it up, and adds it here.
 */

/** The lowest and the highest of a run, or single ones. */
type Run = number | readonly [first: number, last: number]

const runs = (prefix: string, ...numbers: Run[]): string[] =>
  numbers.flatMap(run => {
    const [first, last] = typeof run === 'number' ? [run, run] : run
    return Array.from({ length: last - first + 1 }, (_, step) => `${prefix}${first + step}`)
  })

/** From 1 to each count: the categories of a function, the sections of an annex. */
const counted = (prefix: string, counts: readonly number[]): string[] =>
  counts.flatMap((count, index) => runs(`${prefix}${index + 1}.`, [1, count]))

const enhancements = (control: string, ...numbers: Run[]): string[] =>
  runs('', ...numbers).map(number => `${control}(${number})`)

/** The numbers that were withdrawn are missing from their runs. */
const csf: Record<string, Run[]> = {
  'GV.OC': [[1, 5]],
  'GV.RM': [[1, 7]],
  'GV.RR': [[1, 4]],
  'GV.PO': [[1, 2]],
  'GV.OV': [[1, 3]],
  'GV.SC': [[1, 10]],
  'ID.AM': [[1, 5], 7, 8],
  'ID.RA': [[1, 10]],
  'ID.IM': [[1, 4]],
  'PR.AA': [[1, 6]],
  'PR.AT': [[1, 2]],
  'PR.DS': [1, 2, 10, 11],
  'PR.PS': [[1, 6]],
  'PR.IR': [[1, 4]],
  'DE.CM': [[1, 3], 6, 9],
  'DE.AE': [2, 3, 4, 6, 7, 8],
  'RS.MA': [[1, 5]],
  'RS.AN': [3, 6, 7, 8],
  'RS.CO': [2, 3],
  'RS.MI': [1, 2],
  'RC.RP': [[1, 6]],
  'RC.CO': [3, 4],
}

const techniques: Record<string, string> = {
  T1005: 'Data from Local System',
  'T1021.004': 'SSH',
  'T1021.008': 'Direct Cloud VM Connections',
  T1078: 'Valid Accounts',
  'T1078.004': 'Cloud Accounts',
  T1080: 'Taint Shared Content',
  T1098: 'Account Manipulation',
  'T1098.001': 'Additional Cloud Credentials',
  'T1098.003': 'Additional Cloud Roles',
  'T1098.004': 'SSH Authorized Keys',
  'T1098.006': 'Additional Container Cluster Roles',
  'T1098.007': 'Additional Local or Domain Groups',
  'T1110.002': 'Password Cracking',
  'T1195.001': 'Compromise Software Dependencies and Development Tools',
  'T1195.002': 'Compromise Software Supply Chain',
  T1199: 'Trusted Relationship',
  'T1213.003': 'Code Repositories',
  'T1484.002': 'Trust Modification',
  T1528: 'Steal Application Access Token',
  T1530: 'Data from Cloud Storage',
  T1546: 'Event Triggered Execution',
  'T1550.001': 'Application Access Token',
  T1552: 'Unsecured Credentials',
  'T1552.001': 'Credentials In Files',
  'T1552.004': 'Private Keys',
  'T1552.005': 'Cloud Instance Metadata API',
  'T1552.007': 'Container API',
  'T1552.008': 'Chat Messages',
  T1553: 'Subvert Trust Controls',
  'T1553.004': 'Install Root Certificate',
  'T1555.006': 'Cloud Secrets Management Stores',
  T1557: 'Adversary-in-the-Middle',
  'T1578.002': 'Create Cloud Instance',
  T1609: 'Container Administration Command',
  T1610: 'Deploy Container',
  T1611: 'Escape to Host',
  T1648: 'Serverless Execution',
  T1649: 'Steal or Forge Authentication Certificates',
  T1651: 'Cloud Administration Command',
  T1677: 'Poisoned Pipeline Execution',
}

/** Each framework's identifiers, under its name in rules/frameworks.yaml. */
export const EXISTING: Record<string, ReadonlySet<string>> = {
  'nist-csf-2.0': new Set(
    Object.entries(csf).flatMap(([category, numbers]) =>
      runs('', ...numbers).map(number => `${category}-${number.padStart(2, '0')}`),
    ),
  ),
  'nist-800-53': new Set([
    ...runs('AC-', [1, 12], 14, [16, 25]),
    ...enhancements('AC-2', [1, 9], [11, 13]),
    ...enhancements('AC-6', [1, 10]),
    ...runs('AU-', [1, 14], 16),
    ...runs('CM-', [1, 14]),
    ...enhancements('CM-4', [1, 2]),
    ...enhancements('CM-7', [1, 9]),
    ...runs('IA-', [1, 12]),
    ...enhancements('IA-5', 1, 2, [5, 10], [12, 18]),
    ...runs('IR-', [1, 9]),
    ...runs('PS-', [1, 9]),
    ...runs('SA-', [1, 5], [8, 11], [15, 17], [20, 23]),
    ...enhancements('SA-3', [1, 3]),
    ...runs('SC-', [1, 8], [10, 13], [15, 18], [20, 32], [34, 51]),
    ...enhancements('SC-8', [1, 5]),
    ...runs('SI-', [1, 8], [10, 23]),
    ...runs('SR-', [1, 12]),
    ...enhancements('SR-4', [1, 4]),
  ]),
  'nist-800-207': new Set(runs('tenet ', [1, 7])),
  'mitre-attack': new Set(Object.keys(techniques)),
  'cis-8.1': new Set(counted('', [5, 7, 14, 12, 6, 8, 7, 12, 7, 7, 5, 8, 11, 9, 7, 14, 9, 5])),
  'soc-2': new Set(counted('CC', [5, 3, 4, 2, 3, 8, 5, 1, 2])),
  'iso-27001': new Set([
    ...runs('A.5.', [1, 37]),
    ...runs('A.6.', [1, 8]),
    ...runs('A.7.', [1, 14]),
    ...runs('A.8.', [1, 34]),
  ]),
  'pci-dss-4': new Set([
    ...runs('2.2.', [1, 7]),
    ...runs('6.2.', [1, 4]),
    ...runs('6.3.', [1, 3]),
    ...runs('6.5.', [1, 6]),
    ...runs('7.2.', [1, 6]),
    '7.2.5.1',
    ...runs('8.2.', [1, 8]),
    ...runs('8.3.', [1, 11]),
    ...runs('8.6.', [1, 3]),
    ...runs('10.2.', [1, 2]),
    '12.8',
  ]),
  'csa-maestro': new Set([
    'Layer 1: Foundation Models',
    'Layer 2: Data Operations',
    'Layer 3: Agent Frameworks',
    'Layer 4: Deployment and Infrastructure',
    'Layer 5: Evaluation and Observability',
    'Layer 6: Security and Compliance',
    'Layer 7: Agent Ecosystem',
  ]),
  'nist-ai-rmf': new Set([
    ...counted('GOVERN ', [7, 3, 2, 3, 2, 2]),
    ...counted('MAP ', [6, 3, 5, 2, 2]),
    ...counted('MEASURE ', [3, 13, 3, 3]),
    ...counted('MANAGE ', [4, 4, 2, 3]),
  ]),
}
