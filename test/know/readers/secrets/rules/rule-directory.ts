import { fileURLToPath } from 'node:url'
import { compileRules } from '../../../../../src/know/readers/secrets/engine.ts'
import { loadRules } from '../../../../../src/know/readers/secrets/rules/load-rules.ts'

export const ruleDirectory = fileURLToPath(new URL('../../../../../rules/secrets/', import.meta.url))
export const { rules, problems } = await loadRules(ruleDirectory)
export const engine = compileRules(rules)
