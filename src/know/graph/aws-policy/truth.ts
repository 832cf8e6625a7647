/** What is known of a statement about a request. `unknown` is never rounded. */
export type Truth = 'yes' | 'no' | 'unknown'

/** `no` if one is, else `unknown` if one is. */
export function all(truths: Iterable<Truth>): Truth {
  let result: Truth = 'yes'
  for (const truth of truths) {
    if (truth === 'no') return 'no'
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

/** `yes` if one is, else `unknown` if one is. */
export function any(truths: Iterable<Truth>): Truth {
  let result: Truth = 'no'
  for (const truth of truths) {
    if (truth === 'yes') return 'yes'
    if (truth === 'unknown') result = 'unknown'
  }
  return result
}

export function not(truth: Truth): Truth {
  return truth === 'unknown' ? truth : truth === 'yes' ? 'no' : 'yes'
}

export function truthOf(holds: boolean): Truth {
  return holds ? 'yes' : 'no'
}
