/**
 * Keys: the content addresses of git-annex, their file names and their hash directories.
 * Format: git-annex's internals/key_format and internals/hashing; SPEC.md, sections "Keys" and "Hash directories".
 */
import { DStoreError } from './errors.ts';
import { md5Hex } from './md5.ts';
import { utf8Length } from './utf8.ts';

/** Serialised key, as printed by {@link printKey}. */
export type KeyText = string;

export interface Key {
  /** Case-sensitive, e.g. `SHA256E`. */
  readonly backend: string;
  /** Bytes of the whole content, also in a chunk key. Absent: unknown. */
  readonly size?: number;
  /** Whole seconds since the epoch; only WORM keys have it. */
  readonly mtime?: number;
  /** Bytes per chunk; only chunk keys have it. */
  readonly chunkSize?: number;
  /** From 1; only chunk keys have it. */
  readonly chunkNumber?: number;
  readonly name: string;
}

/** backend, size, mtime, chunk size, chunk number, name */
const KEY_PATTERN = /^([^-]+)(?:-s(\d+))?(?:-m(\d+))?(?:-S(\d+))?(?:-C(\d+))?--([^]*)$/;
const MAX_EXTENSION_BYTES = 64;

function matchKey(text: string): RegExpExecArray | undefined {
  const match = KEY_PATTERN.exec(text);
  if (match === null) return undefined;
  const name = match[6] as string;
  if ((match[1] as string).endsWith('E')) {
    const dot = name.indexOf('.');
    if (dot >= 0 && name.length - dot > MAX_EXTENSION_BYTES / 3 && utf8Length(name.slice(dot)) > MAX_EXTENSION_BYTES) return undefined;
  }
  return match;
}

function invalidKey(text: string, why: string): DStoreError {
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text;
  return new DStoreError('KEY_INVALID', `not a key: ${JSON.stringify(shown)}: ${why}`, {
    hint: 'a key looks like SHA256E-s1024--<hash>.nii.gz',
  });
}

function buildKey(match: RegExpExecArray): Key | undefined {
  const key: { -readonly [field in keyof Key]: Key[field] } = { backend: match[1] as string, name: match[6] as string };
  const numbers = [match[2], match[3], match[4], match[5]].map(digits => (digits === undefined ? undefined : Number(digits)));
  if (numbers.some(number => number !== undefined && !Number.isSafeInteger(number))) return undefined;
  const [size, mtime, chunkSize, chunkNumber] = numbers;
  if (size !== undefined) key.size = size;
  if (mtime !== undefined) key.mtime = mtime;
  if (chunkSize !== undefined) key.chunkSize = chunkSize;
  if (chunkNumber !== undefined) key.chunkNumber = chunkNumber;
  return key;
}

/**
 * Parses a serialised key.
 * @throws KEY_INVALID when the text does not follow the grammar, or a number in it is above 2^53 − 1
 */
export function parseKey(text: string): Key {
  const match = matchKey(text);
  if (match === undefined) {
    throw invalidKey(text, 'expected BACKEND[-sSIZE][-mSECONDS][-SCHUNKSIZE][-CCHUNK]--NAME');
  }
  const key = buildKey(match);
  if (key === undefined) throw invalidKey(text, 'a number in it is too large');
  return key;
}

/** Like {@link parseKey}; undefined instead of an error. */
export function tryParseKey(text: string): Key | undefined {
  const match = matchKey(text);
  return match === undefined ? undefined : buildKey(match);
}

/** Serialises a key. Inverse of {@link parseKey} for every key that it accepts. */
export function printKey(key: Key): KeyText {
  let text = key.backend;
  if (key.size !== undefined) text += `-s${key.size}`;
  if (key.mtime !== undefined) text += `-m${key.mtime}`;
  if (key.chunkSize !== undefined) text += `-S${key.chunkSize}`;
  if (key.chunkNumber !== undefined) text += `-C${key.chunkNumber}`;
  return `${text}--${key.name}`;
}

/**
 * The serialised form that git-annex itself would write (numbers without leading zeros), or undefined when the text is no key.
 * Unlike {@link parseKey} it accepts numbers of any length.
 */
export function normalizeKey(text: string): KeyText | undefined {
  const match = matchKey(text);
  if (match === undefined) return undefined;
  if (!/-[smSC]0\d/.test(text)) return text;
  let normal = match[1] as string;
  for (const [index, letter] of [[2, 's'], [3, 'm'], [4, 'S'], [5, 'C']] as const) {
    const digits = match[index];
    if (digits !== undefined) normal += `-${letter}${digits.replace(/^0+(?=\d)/, '')}`;
  }
  return `${normal}--${match[6] as string}`;
}

/**
 * Size in bytes that a key records (for a chunk key: of the whole content), undefined when it records none.
 * The key is not checked beyond what is needed to find the size.
 */
export function keySize(key: KeyText): number | undefined {
  const dash = key.indexOf('-');
  // 's' follows the first dash or there is no size; keys sit in hot loops, so no regular expression here.
  if (dash < 0 || key.charCodeAt(dash + 1) !== 0x73) return undefined;
  let size = 0;
  let i = dash + 2;
  for (; i < key.length; i++) {
    const digit = key.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) break;
    size = size * 10 + digit;
  }
  return i === dash + 2 || !Number.isSafeInteger(size) ? undefined : size;
}

const FILE_NAME_ESCAPES: Readonly<Record<string, string>> = { '&': '&a', '%': '&s', ':': '&c', '/': '%' };

/** The key as one path component: `&`→`&a`, `%`→`&s`, `:`→`&c`, `/`→`%`. */
export function keyToFileName(key: KeyText): string {
  return /[&%:/]/.test(key) ? key.replace(/[&%:/]/g, character => FILE_NAME_ESCAPES[character] as string) : key;
}

/** Inverse of {@link keyToFileName}. The result is not checked to be a key. `&` before any other character stands for that character. */
export function fileNameToKey(name: string): KeyText {
  if (!/[&%]/.test(name)) return name;
  return name.replace(/%|&([^%])/gu, (all: string, letter: string | undefined) => {
    if (letter === undefined) return '/';
    if (letter === 'a') return '&';
    if (letter === 's') return '%';
    return letter === 'c' ? ':' : all.slice(1);
  });
}

/** The key without the chunk fields: all chunks of a key share its directories. */
function hashedText(key: KeyText): string {
  const end = key.indexOf('--');
  const chunkSize = key.indexOf('-S');
  const chunkNumber = key.indexOf('-C');
  if ((chunkSize < 0 || chunkSize > end) && (chunkNumber < 0 || chunkNumber > end)) return key;
  return key.replace(/^([^-]+(?:-s\d+)?(?:-m\d+)?)(?:-S\d+)?(?:-C\d+)?--/, '$1--');
}

/** `abc/def`: the first six hexadecimal digits of the MD5 of the key (without chunk fields). No trailing slash. */
export function hashDirLower(key: KeyText): string {
  const hex = md5Hex(hashedText(key));
  return `${hex.slice(0, 3)}/${hex.slice(3, 6)}`;
}

const MIXED_ALPHABET = '0123456789zqjxkmvwgpfZQJXKMVWGPF';

/**
 * `xX/yY`: the first 32 bits of the MD5 of the key, little-endian, read in steps of six bits of which five are used;
 * within each directory the later digit comes first. No trailing slash.
 */
export function hashDirMixed(key: KeyText): string {
  const bytes = Number.parseInt(md5Hex(hashedText(key)).slice(0, 6), 16);
  const word = (bytes >> 16) | (bytes & 0xff00) | ((bytes & 0xff) << 16);
  const digit = (index: number): string => MIXED_ALPHABET.charAt((word >> (6 * index)) & 31);
  return `${digit(1)}${digit(0)}/${digit(3)}${digit(2)}`;
}
