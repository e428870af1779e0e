import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseLayoutVersion } from '../../../src/core/layout-version.ts';
import type { LayoutVersion } from '../../../src/core/layout-version.ts';
import { outcome, readVectors } from './vectors.ts';

const { cases } = readVectors<{ cases: { case: string; content: string; expect: LayoutVersion | { error: string } }[] }>('layout-versions');

describe('layout versions', () => {
  it.each(cases)('$case', ({ content, expect: expected }) => {
    expect(outcome(() => parseLayoutVersion(content))).toEqual(expected);
  });

  it.each([['ria-layout-version', '1'], ['dataset-ria-layout-version', '1']])('template %s is version %s and one line', (name, version) => {
    const content = readFileSync(new URL(`../../../store-layout/template/${name}`, import.meta.url), 'utf8');
    expect(content).toBe(`${version}\n`);
    expect(parseLayoutVersion(content)).toEqual({ version, flags: '' });
  });
});
