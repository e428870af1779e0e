import { expectedDigest } from './backend.ts';
import type { KeyText } from './key.ts';
import { keySize, parseKey } from './key.ts';

/** What bytes must be to be the content of a key; a part is left out when the key does not name it (WORM and URL keys name no hash). */
export interface ContentCheck {
  /** Name for io's hashers. */
  readonly hash?: string;
  /** Lower-case hex. */
  readonly digest?: string;
  /** Bytes. */
  readonly size?: number;
}

export function contentCheck(key: KeyText): ContentCheck {
  const digest = expectedDigest(parseKey(key));
  const size = keySize(key);
  return { ...(digest === undefined ? {} : { hash: digest.hash, digest: digest.hex }), ...(size === undefined ? {} : { size }) };
}
