import { describe, expect, it } from 'vitest';
import { keyToFileName } from '../../../src/core/key.ts';
import { objectPathLower, objectPathMixed, storeObjectPaths } from '../../../src/core/object-path.ts';
import { readVectors } from './vectors.ts';

const stored = readVectors<{ cases: { key: string; layout: '1' | '2'; expect: string[] }[] }>('store-object-paths');
const annexed = readVectors<{ keys: { key: string; objectpath: string; lower: string }[] }>('hashdirs');

describe('object paths in a store', () => {
  it.each(stored.cases)('$key, layout $layout', ({ key, layout, expect: paths }) => {
    expect(storeObjectPaths(key, layout)).toEqual(paths);
  });
});

describe('object paths in a clone', () => {
  it.each(annexed.keys)('$key', ({ key, objectpath, lower }) => {
    expect(`.git/annex/objects/${objectPathMixed(key)}`).toBe(objectpath);
    const name = keyToFileName(key);
    expect(objectPathLower(key)).toBe(`${lower}${name}/${name}`);
  });
});
