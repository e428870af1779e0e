/** Key backends: how the key of a content is made. Format: SPEC.md, section "Backends"; the extension rule is git-annex's. */
import { DStoreError } from './errors.ts';
import { md5Hex } from './md5.ts';
import { utf8Length } from './utf8.ts';
import type { Key, KeyText } from './key.ts';

/** Name of a hash function as io/hashing.ts understands it: `sha256`, `sha3-256`, `blake2b-160`, … */
export type HashName = string;

export interface Backend {
  /** With the trailing `E` where it has one. */
  readonly name: string;
  /** undefined: the key does not derive from the content (WORM, URL). */
  readonly hash: HashName | undefined;
  /** The key carries the extension of the file name. */
  readonly keepsExtension: boolean;
  /** Acceptable with annex.securehashesonly. */
  readonly cryptographicallySecure: boolean;
  /** Hexadecimal digits of the digest. */
  readonly hexLength?: number;
}

/** backend name without E → [hash, digest bits, secure] */
const HASHES: Readonly<Record<string, readonly [HashName, number, boolean]>> = {
  SHA256: ['sha256', 256, true], SHA224: ['sha224', 224, true], SHA384: ['sha384', 384, true], SHA512: ['sha512', 512, true],
  SHA3_224: ['sha3-224', 224, true], SHA3_256: ['sha3-256', 256, true],
  SHA3_384: ['sha3-384', 384, true], SHA3_512: ['sha3-512', 512, true],
  BLAKE2B160: ['blake2b-160', 160, true], BLAKE2B224: ['blake2b-224', 224, true], BLAKE2B256: ['blake2b-256', 256, true],
  BLAKE2B384: ['blake2b-384', 384, true], BLAKE2B512: ['blake2b-512', 512, true],
  BLAKE2S160: ['blake2s-160', 160, true], BLAKE2S224: ['blake2s-224', 224, true], BLAKE2S256: ['blake2s-256', 256, true],
  SHA1: ['sha1', 160, false], MD5: ['md5', 128, false],
};

function makeBackends(): ReadonlyMap<string, Backend> {
  const backends = new Map<string, Backend>();
  for (const [base, [hash, bits, cryptographicallySecure]] of Object.entries(HASHES)) {
    for (const keepsExtension of [false, true]) {
      const name = keepsExtension ? `${base}E` : base;
      backends.set(name, { name, hash, keepsExtension, cryptographicallySecure, hexLength: bits / 4 });
    }
  }
  for (const name of ['WORM', 'URL']) backends.set(name, { name, hash: undefined, keepsExtension: false, cryptographicallySecure: false });
  return backends;
}

const BACKENDS: ReadonlyMap<string, Backend> = makeBackends();

/** The backend of that name; undefined when it is unknown or cannot be computed here (SKEIN, BLAKE2BP, BLAKE2SP, external X…). */
export function backendOf(name: string): Backend | undefined {
  return BACKENDS.get(name);
}

/**
 * The part of a file name that a key keeps: `` or e.g. `.tar.gz`, case preserved.
 * @param maxExtensionLength longest element in UTF-8 bytes (annex.maxextensionlength)
 * @param maxExtensions most elements (annex.maxextensions)
 */
export function selectExtension(fileName: string, maxExtensionLength: number = 4, maxExtensions: number = 2): string {
  const baseName = fileName.slice(fileName.lastIndexOf('/') + 1).replace(/^\.+/, '');
  const dot = baseName.indexOf('.');
  if (dot < 0) return '';
  const kept: string[] = [];
  const elements = baseName.slice(dot).split('.');
  for (let i = elements.length - 1; i >= 0 && kept.length < maxExtensions; i--) {
    const element = elements[i] as string;
    if (utf8Length(element) > maxExtensionLength) break;
    // Only ASCII is restricted: bytes of other characters pass, as they do in git-annex.
    if (/^[A-Za-z0-9\u{80}-\u{10ffff}]*$/u.test(element)) kept.push(element);
  }
  return kept.filter(element => element !== '').reverse().map(element => `.${element}`).join('');
}

/**
 * Key of a content.
 * @param digestHex lower-case hexadecimal digest of the content
 * @param size bytes
 * @param fileName name under which the content is added; only its extension matters
 * @throws KEY_UNSUPPORTED for a backend without hash
 */
export function hashKey(
  backend: Backend, digestHex: string, size: number, fileName: string,
  options: { maxExtensionLength?: number; maxExtensions?: number } = {},
): KeyText {
  if (backend.hash === undefined) {
    throw new DStoreError('KEY_UNSUPPORTED', `cannot make a ${backend.name} key from a digest: the backend has no hash`, {
      hint: 'choose a hash backend, for example: git config annex.backend SHA256E',
    });
  }
  const extension = backend.keepsExtension ? selectExtension(fileName, options.maxExtensionLength, options.maxExtensions) : '';
  return `${backend.name}-s${size}--${digestHex}${extension}`;
}

const MAX_NAME_BYTES = 64;

function sanitizedName(text: string): string {
  let name = '';
  for (const character of text) {
    if (character === ',') name += ',,';
    else if (/^[A-Za-z0-9._/%:-]$/.test(character)) name += character;
    else name += `,${character.codePointAt(0) as number}`;
  }
  // The limit looks at the text, not at what it was turned into, which may be longer.
  return utf8Length(text) > MAX_NAME_BYTES ? `${name.slice(0, MAX_NAME_BYTES - 33)}-${md5Hex(text)}` : name;
}

/**
 * WORM key: size, modification time and path stand for the content.
 * @param pathInRepository from the top of the work tree
 * @param size bytes
 * @param mtimeSeconds fractions are dropped
 * @throws KEY_INVALID for a time before 1970, which the key grammar has no form for
 */
export function wormKey(pathInRepository: string, size: number, mtimeSeconds: number): KeyText {
  if (!(mtimeSeconds >= 0)) {
    throw new DStoreError('KEY_INVALID', `cannot make a WORM key for ${pathInRepository}: its modification time lies before 1970`, {
      hint: `give the file a newer modification time with: touch ${pathInRepository}`,
    });
  }
  return `WORM-s${size}-m${Math.floor(mtimeSeconds)}--${sanitizedName(pathInRepository)}`;
}

/** URL key: the address stands for the content. `size` in bytes when known. */
export function urlKey(url: string, size?: number): KeyText {
  return `URL${size === undefined ? '' : `-s${size}`}--${sanitizedName(url)}`;
}

/**
 * Digest that the content of a key must have, undefined when content cannot be checked by a hash: no hash backend, one that cannot be
 * computed here, or a chunk key. A name that is no digest is returned as it is, so that no content matches it.
 *
 * Old keys are accepted as git-annex accepts them: a backslash before the digest, and an extension in a key without `E`.
 */
export function expectedDigest(key: Key): { hash: HashName; hex: string } | undefined {
  if (key.chunkSize !== undefined || key.chunkNumber !== undefined) return undefined;
  const hash = BACKENDS.get(key.backend)?.hash;
  if (hash === undefined) return undefined;
  const dot = key.name.indexOf('.');
  const name = dot < 0 ? key.name : key.name.slice(0, dot);
  return { hash, hex: name.startsWith('\\') ? name.slice(1) : name };
}
