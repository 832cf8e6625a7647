const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The account that an access key id belongs to: twelve digits, in the 40 bits that follow the first bit of what the
 * twelve base32 characters after the prefix hold. Ids from before 2019, which go on with I or J, do not say it.
 * `aws sts get-access-key-info` tells the same, and is what this was compared with.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
 */
export function awsAccount(keyId: string): string | undefined {
  if (!/^A[A-Z]{3}[A-HK-Z2-7][A-Z2-7]{11}/.test(keyId)) return undefined
  let bits = 0n
  for (const digit of keyId.slice(4, 14)) bits = (bits << 5n) | BigInt(DIGITS.indexOf(digit))
  // The ten characters hold 50 bits; the account is bits 1 to 40, counted from the first.
  const account = (bits >> 9n) & ((1n << 40n) - 1n)
  return account < 10n ** 12n ? String(account).padStart(12, '0') : undefined
}
