import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datasetDirectory, parseRiaUrl, parseStoreReference, printRiaUrl } from '../../../src/core/ria-url.ts';
import { isUuid } from '../../../src/core/uuid.ts';
import type { StoreAddress } from '../../../src/core/ria-url.ts';
import { outcome, readVectors } from './vectors.ts';

type Expected = StoreAddress | { error: string } | null;
const vectors = readVectors<{
  parse: { case: string; input: string; expect: Expected }[];
  reference: { case: string; input: string; cwd: string; expect: Expected }[];
  dataset_directory: { input: string; expect: string | { error: string } }[];
}>('ria-urls');

describe('ria+ URLs', () => {
  it.each(vectors.parse)('$case: $input', ({ input, expect: expected }) => {
    expect(outcome(() => parseRiaUrl(input))).toEqual(expected);
  });

  const accepted = vectors.parse.filter(({ expect: expected }) => expected !== null && !('error' in expected));
  it.each(accepted)('$case: prints and parses back', ({ input }) => {
    const address = parseRiaUrl(input);
    expect(parseRiaUrl(printRiaUrl(address))).toEqual(address);
    expect(parseRiaUrl(address.url).url).toBe(address.url);
  });

  it('leads any absolute path there and back', () => {
    fc.assert(fc.property(fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }), parts => {
      const path = `/${parts.map(part => part.replace(/[/\0]|^\.+$/g, 'x')).join('/')}`;
      const address = parseStoreReference(`${path}#~a`, '/') as StoreAddress;
      fc.pre(address.path === path);
      expect(parseRiaUrl(printRiaUrl(address))).toEqual(address);
    }));
  });

  it('says what to write instead, and never repeats a password', () => {
    const error = ((): { message: string; hint?: string } => {
      try {
        parseRiaUrl('ria+ssh://ann:secret@host/x');
      } catch (thrown) {
        return thrown as { message: string; hint?: string };
      }
      throw new Error('was accepted');
    })();
    expect(error.message).not.toContain('secret');
    expect(error.hint).toBeTruthy();
  });
});

describe('store references', () => {
  it.each(vectors.reference)('$case: $input', ({ input, cwd, expect: expected }) => {
    expect(outcome(() => parseStoreReference(input, cwd)) ?? null).toEqual(expected);
  });
});

describe('dataset directories', () => {
  it.each(vectors.dataset_directory)('$input', ({ input, expect: expected }) => {
    expect(outcome(() => datasetDirectory(input))).toEqual(expected);
  });
});

it('knows UUIDs', () => {
  const uuid = '3c80f600-4212-437f-bfef-1cee9de05244';
  expect(isUuid(uuid)).toBe(true);
  expect([uuid.toUpperCase(), `${uuid}\n`, ` ${uuid}`, uuid.replaceAll('-', ''), ''].some(isUuid)).toBe(false);
});
