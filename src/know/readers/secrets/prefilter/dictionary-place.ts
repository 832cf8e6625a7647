import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { builtDictionary } from '../../built.ts'
import { codeVersion } from '../../version.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { keepFile } from '../rules/kept-file.ts'
import { type Dictionary, dictionaryOf } from './literals.ts'
import type { Rule } from '../rules/rule.ts'

/**
 * Where the dictionary of rules is, which takes each thread longer to make than a small scan: with what was built, or in a
 * file of that name, where whoever makes it first leaves it for the others.
 */
export type DictionaryPlace = 'built' | { readonly folder: string; readonly name: string }

/**
 * A dictionary speaks of rules by their numbers: its name tells the very rules that it was made of, and the code that makes
 * it, not the folders that the rules were read from, which may have changed meanwhile.
 */
export function dictionaryPlace(folder: string, rules: readonly Rule[]): DictionaryPlace {
  const digest = createHash('sha256').update(codeVersion()).update(JSON.stringify(rules)).digest('hex')
  return { folder, name: `dictionary-${digest.slice(0, 32)}.bin` }
}

const OF_OTHER_RULES = /^dictionary-[0-9a-f]{32}\.bin/

/** That of the rules, made where it is not there; where it cannot be kept, the next one makes it again. */
export function dictionaryIn(place: DictionaryPlace | undefined, rules: readonly CompiledRule[]): Dictionary {
  const known = place === 'built' ? builtDictionary() : place && keptIn(place)
  if (known) return known
  const made = dictionaryOf(rules)
  if (place !== undefined && place !== 'built')
    keepFile(place.folder, place.name, serialize(made), OF_OTHER_RULES)
  return made
}

/** Nothing where it is not what was kept. */
function keptIn({ folder, name }: Exclude<DictionaryPlace, 'built'>): Dictionary | undefined {
  try {
    const kept = deserialize(readFileSync(`${folder}/${name}`)) as Dictionary
    return kept.meanings instanceof Int32Array && typeof kept.lookup === 'object' ? kept : undefined
  } catch {
    return undefined
  }
}
