import { readFileSync } from 'node:fs'
import { deserialize, serialize } from 'node:v8'
import { builtDictionary } from '../built.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { keepFile } from './kept-file.ts'
import { type Dictionary, dictionaryOf } from './literals.ts'

/**
 * Where the dictionary of rules is, which takes each thread longer to make than a small scan: with what was built, or in a
 * file of that name, where whoever makes it first leaves it for the others. The name tells the rules, and the code that reads them.
 */
export type DictionaryPlace = 'built' | { readonly folder: string; readonly name: string }

/** The name of a version's file, and of what is taken away with it when another version's is kept. */
export const dictionaryName = (version: string): string => `dictionary-${version.slice(0, 32)}.bin`
const OF_A_VERSION = /^dictionary-[0-9a-f]{32}\.bin/

/** That of the rules, made where it is not there; where it cannot be kept, the next one makes it again. */
export function dictionaryIn(place: DictionaryPlace | undefined, rules: readonly CompiledRule[]): Dictionary {
  const known = place === 'built' ? builtDictionary() : place && keptIn(place)
  if (known) return known
  const made = dictionaryOf(rules)
  if (place !== undefined && place !== 'built')
    keepFile(place.folder, place.name, serialize(made), OF_A_VERSION)
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
