import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fileNameToKey, hashDirLower, hashDirMixed, keySize, keyToFileName, normalizeKey, parseKey, printKey, tryParseKey,
} from '../../../src/core/key.ts';
import { md5Hex } from '../../../src/core/md5.ts';
import type { Key } from '../../../src/core/key.ts';
import { outcome, readVectors } from './vectors.ts';

interface KeyVector {
  input: string; key: string; backend: string; bytesize: string; keyname: string; mixed: string; lower: string; file: string;
}
const vectors = readVectors<{ keys: KeyVector[]; invalid: { input: string }[] }>('hashdirs');

const field = fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined });
const keys: fc.Arbitrary<Key> = fc.record({
  backend: fc.constantFrom('SHA256', 'MD5', 'WORM', 'URL', 'SHA256E', 'MD5E', 'XNEW', 'lower_1'),
  size: field, mtime: field, chunkSize: field, chunkNumber: field,
  name: fc.string({
    unit: fc.constantFrom('a', 'S', 'C', '-', '.', '/', '%', '&', ':', ' ', ',', 'é', '日', '😀', '\n'),
    maxLength: 20,
  }),
}).map(key => Object.fromEntries(Object.entries(key).filter(([, value]) => value !== undefined)) as unknown as Key);

describe('keys of the real program', () => {
  it.each(vectors.keys)('$input', vector => {
    expect(normalizeKey(vector.input)).toBe(vector.key);
    expect(keyToFileName(vector.key)).toBe(vector.file);
    expect(fileNameToKey(vector.file)).toBe(vector.key);
    expect(`${hashDirLower(vector.key)}/`).toBe(vector.lower);
    expect(`${hashDirMixed(vector.key)}/`).toBe(vector.mixed);
    if (Number.isSafeInteger(Number(vector.bytesize === 'unknown' ? 0 : vector.bytesize))) {
      const key = parseKey(vector.input);
      expect(printKey(key)).toBe(vector.key);
      expect(key.backend).toBe(vector.backend);
      expect(key.name).toBe(vector.keyname);
      expect(key.size === undefined ? 'unknown' : String(key.size)).toBe(vector.bytesize);
      expect(keySize(vector.input)).toBe(key.size);
    }
  });

  it.each(vectors.invalid)('refuses $input', ({ input }) => {
    expect(outcome(() => parseKey(input))).toEqual({ error: 'KEY_INVALID' });
    expect(tryParseKey(input)).toBeUndefined();
    expect(normalizeKey(input)).toBeUndefined();
  });
});

describe('key grammar', () => {
  it.each([
    '', 'x', '--x', '-s5--x', 'SHA256E-s--a', 'SHA256E-s+5--a', 'SHA256E-s5', 'WORM-s6-m-5--x', 'SHA256E-s5 --x',
  ])('refuses %j', text => {
    expect(outcome(() => parseKey(text))).toEqual({ error: 'KEY_INVALID' });
  });

  it('accepts an empty name, and dashes and line breaks in it', () => {
    expect(parseKey('SHA256E-s5--')).toEqual({ backend: 'SHA256E', size: 5, name: '' });
    expect(parseKey('URL--a--b-s3\nc')).toEqual({ backend: 'URL', name: 'a--b-s3\nc' });
  });

  it('limits the extension of E keys to 64 bytes, counted in UTF-8', () => {
    expect(tryParseKey(`SHA256E-s5--a.${'e'.repeat(63)}`)).toBeDefined();
    expect(tryParseKey(`SHA256E-s5--a.${'e'.repeat(64)}`)).toBeUndefined();
    expect(tryParseKey(`SHA256E-s5--a.${'é'.repeat(31)}e`)).toBeDefined();
    expect(tryParseKey(`SHA256E-s5--a.${'é'.repeat(32)}`)).toBeUndefined();
    expect(tryParseKey(`XFOOE-s5--a.${'e'.repeat(64)}`)).toBeUndefined();
    expect(tryParseKey(`URL-s5--aE.${'e'.repeat(64)}`)).toBeDefined();
  });

  it('does not lose precision: a size above 2^53 − 1 is refused, and its size is unknown', () => {
    const text = 'SHA256E-s99999999999999999999--aa';
    expect(outcome(() => parseKey(text))).toEqual({ error: 'KEY_INVALID' });
    expect(keySize(text)).toBeUndefined();
    expect(normalizeKey('SHA256E-s099999999999999999999--aa')).toBe(text);
  });

  it('prints and parses back', () => {
    fc.assert(fc.property(keys, key => {
      const text = printKey(key);
      const parsed = tryParseKey(text);
      // A long extension is the one thing that can be printed and not parsed.
      fc.pre(parsed !== undefined);
      expect(parsed).toEqual(key);
      expect(normalizeKey(text)).toBe(text);
      expect(keySize(text)).toBe(key.size);
    }));
  });

  it('has a size only where the size field is', () => {
    expect(['URL--s5', 'WORM-m5--s6', 'X-s--1', 'X', 'X-s'].filter(text => keySize(text) !== undefined)).toEqual([]);
  });
});

describe('file names', () => {
  it('are one path component and lead back to the key', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('&', '%', ':', '/', 'a', 's', 'c', 'é', '😀') }), text => {
      const name = keyToFileName(text);
      expect(name).not.toMatch(/[/:]/);
      expect(fileNameToKey(name)).toBe(text);
    }));
  });

  it('reads an escape that git-annex does not write', () => {
    expect(fileNameToKey('a&xb&')).toBe('axb&');
    expect(fileNameToKey('a&😀')).toBe('a😀');
  });
});

describe('hash directories', () => {
  it('are shared by all chunks of a key', () => {
    fc.assert(fc.property(keys, key => {
      const { chunkSize: _size, chunkNumber: _number, ...whole } = key;
      expect(hashDirLower(printKey(key))).toBe(hashDirLower(printKey(whole)));
      expect(hashDirMixed(printKey(key))).toBe(hashDirMixed(printKey(whole)));
    }));
  });

  it('keep what only looks like chunk fields', () => {
    const hex = createHash('md5').update('URL--a-S1-C2--b').digest('hex');
    expect(hashDirLower('URL--a-S1-C2--b')).toBe(`${hex.slice(0, 3)}/${hex.slice(3, 6)}`);
  });
});

it('computes MD5 of UTF-8 bytes', () => {
  expect(md5Hex('é')).toBe(createHash('md5').update(Buffer.from([0xc3, 0xa9])).digest('hex'));
});
