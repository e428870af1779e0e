import { createHash } from 'node:crypto';
import { blake2b, blake2s } from '@noble/hashes/blake2.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backendOf, expectedDigest, hashKey, selectExtension, urlKey, wormKey } from '../../../src/core/backend.ts';
import { parseKey, tryParseKey } from '../../../src/core/key.ts';
import type { Backend } from '../../../src/core/backend.ts';
import { outcome, readVectors } from './vectors.ts';

interface ContentVector { file: string; content: string; key: string }
const vectors = readVectors<{
  contents_hex: Record<string, string>;
  by_backend: (ContentVector & { backend: string })[];
  extensions: (ContentVector & { ext: string })[];
  maxextensionlength: { file: string; 'annex.maxextensionlength': number; ext: string }[];
  worm: (ContentVector & { mtime: number })[];
  url: { url: string; key?: string }[];
}>('keys');

const UNCOMPUTABLE = /^(SKEIN|BLAKE2BP|BLAKE2SP)/;

function content(name: string): Buffer {
  return Buffer.from(vectors.contents_hex[name] as string, 'hex');
}

function digest(hash: string, data: Buffer): string {
  const blake = /^blake2([bs])-(\d+)$/.exec(hash);
  if (blake === null) return createHash(hash).update(data).digest('hex');
  return Buffer.from((blake[1] === 'b' ? blake2b : blake2s)(data, { dkLen: Number(blake[2]) / 8 })).toString('hex');
}

describe('hash backends', () => {
  it.each(vectors.by_backend)('$backend of $content', vector => {
    const backend = backendOf(vector.backend);
    if (UNCOMPUTABLE.test(vector.backend)) {
      expect(backend).toBeUndefined();
      expect(expectedDigest(parseKey(vector.key))).toBeUndefined();
      return;
    }
    const { hash, hexLength } = backend as Backend;
    const data = content(vector.content);
    const hex = digest(hash as string, data);
    expect(hex).toHaveLength(hexLength as number);
    expect(hashKey(backend as Backend, hex, data.length, vector.file)).toBe(vector.key);
    expect(expectedDigest(parseKey(vector.key))).toEqual({ hash, hex });
  });

  it('knows which are secure', () => {
    const secure = (name: string): boolean | undefined => backendOf(name)?.cryptographicallySecure;
    expect(['SHA256E', 'SHA512', 'SHA3_256', 'BLAKE2B256E'].map(secure)).toEqual([true, true, true, true]);
    expect(['MD5', 'MD5E', 'SHA1', 'WORM', 'URL'].map(secure)).toEqual([false, false, false, false, false]);
  });

  it.each(['sha256', 'XFOO', 'GPGHMACSHA1', 'GIT', '', 'WORME', 'constructor'])('does not know %j', name => {
    expect(backendOf(name)).toBeUndefined();
  });

  it('cannot make a key of a backend without hash from a digest', () => {
    expect(outcome(() => hashKey(backendOf('URL') as Backend, 'aa', 1, 'x'))).toEqual({ error: 'KEY_UNSUPPORTED' });
  });
});

describe('extensions', () => {
  it.each(vectors.extensions)('$file', ({ file, ext }) => {
    expect(selectExtension(file)).toBe(ext);
  });

  it.each(vectors.maxextensionlength)('$file with annex.maxextensionlength $annex.maxextensionlength', vector => {
    expect(selectExtension(vector.file, vector['annex.maxextensionlength'])).toBe(vector.ext);
  });

  it('can be more or none', () => {
    expect(selectExtension('a.b.c.d', 4, 3)).toBe('.b.c.d');
    expect(selectExtension('a.b.c.d', 4, 0)).toBe('');
  });

  it('always make a valid key with the default limits', () => {
    fc.assert(fc.property(fc.string({ unit: fc.constantFrom('.', 'a', 'Z', '9', '-', '/', ' ', 'é', '日', '😀') }), name => {
      const key = hashKey(backendOf('SHA256E') as Backend, 'a'.repeat(64), 1, name);
      expect(tryParseKey(key)).toBeDefined();
      expect(key).not.toContain('/');
    }));
  });
});

describe('WORM and URL keys', () => {
  it.each(vectors.worm)('WORM of $file', ({ file, mtime, content: name, key }) => {
    expect(wormKey(file, content(name).length, mtime)).toBe(key);
  });

  it.each(vectors.url.filter(({ key }) => key !== undefined))('URL $url', ({ url, key }) => {
    expect(urlKey(url)).toBe(key);
  });

  it('takes a size', () => {
    expect(urlKey('http://example.com/', 12)).toBe('URL-s12--http://example.com/');
  });

  it('refuses a time before 1970, which would make a key that nobody can parse', () => {
    expect(outcome(() => wormKey('old', 0, -5))).toEqual({ error: 'KEY_INVALID' });
    expect(outcome(() => wormKey('old', 0, Number.NaN))).toEqual({ error: 'KEY_INVALID' });
  });
});

describe('expected digest', () => {
  it('accepts old forms', () => {
    expect(expectedDigest(parseKey('SHA1-s1--\\aa'))).toEqual({ hash: 'sha1', hex: 'aa' });
    expect(expectedDigest(parseKey('SHA1-s1--aa.txt'))).toEqual({ hash: 'sha1', hex: 'aa' });
    expect(expectedDigest(parseKey('SHA1E-s1--\\aa.tar.gz'))).toEqual({ hash: 'sha1', hex: 'aa' });
  });

  it('is unknown for keys that are no digest of the content', () => {
    for (const key of ['WORM-s1-m2--x', 'URL--x', 'GPGHMACSHA1--aa', 'XFOO--aa', 'SHA256E-s10-S4-C1--aa']) {
      expect(expectedDigest(parseKey(key))).toBeUndefined();
    }
  });

  it('never turns a name that is no digest into "not verifiable"', () => {
    expect(expectedDigest(parseKey('SHA256-s1--not a digest'))).toEqual({ hash: 'sha256', hex: 'not a digest' });
    expect(expectedDigest(parseKey('SHA256E-s1--'))).toEqual({ hash: 'sha256', hex: '' });
  });
});
