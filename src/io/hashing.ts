/** Digests of file content for every backend of git-annex that can be computed here. */
import { createHash, hash as hashAtOnce } from 'node:crypto';
import type * as Blake from '@noble/hashes/blake2.js';
import type { HashName } from '../core/backend.ts';
import { DStoreError } from '../core/errors.ts';

/** A digest being computed. */
export interface Hasher {
  update(data: Uint8Array): void;
  /** Lower-case hex. Ends the computation. */
  digest(): string;
}

/** Names of node:crypto. */
const NODE_NAMES: ReadonlyMap<string, string> = new Map(Object.entries({
  md5: 'md5', sha1: 'sha1', sha224: 'sha224', sha256: 'sha256', sha384: 'sha384', sha512: 'sha512',
  'sha3-224': 'sha3-224', 'sha3-256': 'sha3-256', 'sha3-384': 'sha3-384', 'sha3-512': 'sha3-512',
  'blake2b-512': 'blake2b512', 'blake2s-256': 'blake2s256',
}));

let blake: typeof Blake | undefined;

/** BLAKE2 with a shorter digest is not the longer one cut off; OpenSSL 3.0 offers only the longest. */
const BLAKE_NAME = /^blake2([bs])-(\d+)$/;

function blakeLength(hash: string): { variant: 'b' | 's'; bytes: number } | undefined {
  const match = BLAKE_NAME.exec(hash);
  if (!match) return undefined;
  const variant = match[1] === 'b' ? 'b' : 's';
  const bits = Number(match[2]);
  return bits % 8 === 0 && bits > 0 && bits <= (variant === 'b' ? 512 : 256) ? { variant, bytes: bits / 8 } : undefined;
}

/**
 * Prepares a hash and returns what makes hashers of it.
 * @throws KEY_UNSUPPORTED for a name that cannot be computed
 */
export async function loadHasher(hash: HashName): Promise<() => Hasher> {
  if (!NODE_NAMES.has(hash) && blakeLength(hash)) blake ??= await import('@noble/hashes/blake2.js');
  createHasher(hash);
  return () => createHasher(hash);
}

/**
 * A hasher for `sha256`, `md5`, `sha3-512`, `blake2b-160`, ….
 * BLAKE2 other than `blake2b-512` and `blake2s-256` needs {@link loadHasher} once before.
 * @throws KEY_UNSUPPORTED for a name that cannot be computed
 */
export function createHasher(hash: HashName): Hasher {
  const name = NODE_NAMES.get(hash);
  if (name !== undefined) {
    const state = createHash(name);
    return {
      update: (data) => void state.update(data),
      digest: () => state.digest('hex'),
    };
  }
  const length = blakeLength(hash);
  if (length === undefined) throw new DStoreError('KEY_UNSUPPORTED', `the hash ${hash} cannot be computed`);
  if (blake === undefined) throw new DStoreError('INTERNAL', `the hash ${hash} was used before it was loaded`);
  const state = (length.variant === 'b' ? blake.blake2b : blake.blake2s).create({ dkLen: length.bytes });
  return {
    update: (data) => void state.update(data),
    digest: () => Buffer.from(state.digest()).toString('hex'),
  };
}

/** Digest of content in memory; fastest for small content. As {@link createHasher}. */
export function hashBytes(hash: HashName, data: Uint8Array): string {
  const name = NODE_NAMES.get(hash);
  if (name !== undefined) return hashAtOnce(name, data, 'hex');
  const hasher = createHasher(hash);
  hasher.update(data);
  return hasher.digest();
}
