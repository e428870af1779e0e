import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_POINTER_BYTES, keyOfPointer, keyOfSymlink, pointerText, symlinkTarget } from '../../../src/core/pointer.ts';
import { readVectors } from './vectors.ts';

interface PointerVector { case: string; mode: string; length: number; content: string | null; key: string | null }
const { cases } = readVectors<{ cases: PointerVector[] }>('pointers');
const keyed = readVectors<{ keys: { key: string; objectpath: string; objectpointer: string }[] }>('hashdirs');

/** Cases without content are a pointer followed by lines that fill it up to the length. */
function contentOf(vector: PointerVector): string {
  if (vector.content !== null) return vector.content;
  const first = '/annex/objects/SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n';
  return `${first}/annex/${'x'.repeat(vector.length - first.length - '/annex/\n'.length)}\n`;
}

describe('what git-annex recognises', () => {
  it.each(cases)('$mode $case', vector => {
    const content = contentOf(vector);
    expect(Buffer.byteLength(content)).toBe(vector.length);
    const key = vector.mode === '120000' ? keyOfSymlink(content) : keyOfPointer(Buffer.from(content));
    expect(key ?? null).toBe(vector.key);
  });
});

describe('what is written', () => {
  it.each(keyed.keys)('$key', ({ key, objectpath, objectpointer }) => {
    expect(symlinkTarget('file', key)).toBe(objectpath);
    expect(symlinkTarget('a/b/file', key)).toBe(`../../${objectpath}`);
    expect(pointerText(key)).toBe(objectpointer);
    expect(keyOfSymlink(symlinkTarget('a/b', key))).toBe(key);
    expect(keyOfPointer(Buffer.from(objectpointer))).toBe(key);
  });
});

describe('ordinary content', () => {
  it('is never taken for a pointer when it is large or binary', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      expect(keyOfPointer(bytes)).toBeUndefined();
    }));
    expect(keyOfPointer(new Uint8Array(MAX_POINTER_BYTES + 1).fill(47))).toBeUndefined();
  });

  it('is not a pointer when the mark comes on a later line or the key is not UTF-8', () => {
    expect(keyOfPointer(Buffer.from('text\n/annex/objects/SHA256-s1--aa\n'))).toBeUndefined();
    expect(keyOfPointer(Buffer.from([...Buffer.from('/annex/objects/SHA256E-s1--aa.'), 0xe9, 10]))).toBeUndefined();
  });

  it('is read where the bytes lie, in a view of a larger buffer', () => {
    const text = pointerText('SHA256-s1--aa');
    const large = Buffer.from(`xxx${text}yyy`);
    expect(keyOfPointer(new Uint8Array(large.buffer, large.byteOffset + 3, text.length))).toBe('SHA256-s1--aa');
  });
});

it('does not recognise pointers to keys that are not valid UTF-8', () => {
  const pointer = (name: Buffer): Buffer => Buffer.concat([Buffer.from('/annex/objects/WORM-s3-m1--'), name, Buffer.from('\n')]);
  expect(keyOfPointer(pointer(Buffer.from('größe')))).toBe('WORM-s3-m1--größe');
  expect(keyOfPointer(pointer(Buffer.from('größe', 'latin1')))).toBeUndefined();
});
