/** Git ended with an error, or went on as it should not; the message is short and printable. */
export class GitFailure extends Error {}
