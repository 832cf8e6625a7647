/** From now on: how many milliseconds this thread has worked. Others may run on this machine, and in this process. */
export function processorTime(): () => number {
  const before = process.threadCpuUsage()
  return () => {
    const { user, system } = process.threadCpuUsage(before)
    return (user + system) / 1000
  }
}
