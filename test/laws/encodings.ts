/** In which a secret may be told. */
export const ENCODINGS: ((text: string) => string)[] = [
  text => Buffer.from(text).toString('base64').replace(/=+$/, ''),
  text => Buffer.from(text).toString('hex'),
]
