/** SHA-256 and size of exactly these bytes. */
export interface Digest {
  /** 64 hexadecimal digits, lower case. */
  readonly sha256: string;
  readonly bytes: number;
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.sha256 === b.sha256 && a.bytes === b.bytes;
}
