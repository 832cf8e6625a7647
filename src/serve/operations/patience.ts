import { z } from 'zod'

/** How long a command that changes systems goes on trying. */
export const patience = z
  .number()
  .min(1)
  .max(86_400)
  .default(60)
  .describe('seconds to retry what fails before it is left stuck, to be resumed')
