import type { Ref } from '../../../core/contract/ref.ts'
import type { StepHandler } from '../step.ts'

/** Makes a consumer read its secret again. */
export const reload: StepHandler = {
  async call(step) {
    const connection = await step.connection()
    await connection.reload?.(step.args['workload'] as unknown as Ref)
    return { result: null }
  },
}
