import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUuidLog } from '../../../src/core/annex-log.ts';
import { parseRemoteConfig, printRemoteConfig } from '../../../src/core/remote-log.ts';
import { readVectors } from './vectors.ts';

const { remote_log_escaping: cases } = readVectors<{ remote_log_escaping: { config: { foo: string }; line: string }[] }>('branch-logs');

describe('lines of the real program', () => {
  it.each(cases)('$line', ({ config, line }) => {
    const value = parseUuidLog(`${line}\n`).get('<uuid>')?.value as string;
    const parsed = parseRemoteConfig(value);
    // The program decodes what it is given on its command line, so the recorded input may itself be escaped.
    expect(parsed['foo']).toBe(config.foo.replace('&32;', ' '));
    expect(parsed['type']).toBe('external');
    expect(printRemoteConfig(parsed)).toBe(value);
  });
});

describe('remote configuration', () => {
  it('prints and parses back any value', () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '-', '&', '😀'), minLength: 1 });
    fc.assert(fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), config => {
      const printed = printRemoteConfig(config);
      expect(printed).not.toMatch(/[\n\r]/);
      expect(parseRemoteConfig(printed)).toEqual({ ...config });
    }));
  });

  it('reads what is not quite right', () => {
    expect(parseRemoteConfig('  a=1   b  c== a=2 d=&x;&99999999; ')).toEqual({ a: '2', b: '', c: '=', d: '&x;&99999999;' });
  });
});
