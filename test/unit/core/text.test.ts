import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quotePath, redactUrl, sanitize } from '../../../src/core/text.ts';
import { judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

describe('sanitize', () => {
  it.each([
    ['plain text, grüße 😀', 'plain text, grüße 😀'],
    ['two\nlines\tand a tab', 'two\nlines\tand a tab'],
    ['dos\r\nlines', 'dos\nlines'],
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;new title\x07x', 'x'],
    ['\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x9b2Jcleared', 'cleared'],
    ['\x1bcreset', 'reset'],
    ['over\rwritten', 'over\\x0dwritten'],
    ['bell\x07 nul\x00 del\x7f', 'bell\\x07 nul\\x00 del\\x7f'],
    ['cod\u202egnp.exe', 'cod\\u202egnp.exe'],
    ['unfinished \x1b', 'unfinished \\x1b'],
  ])('%j becomes %j', (text, shown) => {
    expect(sanitize(text)).toBe(shown);
  });

  it('leaves nothing that steers a terminal, and settles after one pass', () => {
    const nasty = fc.string({ unit: fc.constantFrom('\x1b', '[', ']', '3', 'm', '\x07', '\\', '\x9b', '\x9d', 'a', '\n', '\r', '\u202e', ';', '\x00', '(') });
    fc.assert(fc.property(nasty, (text) => {
      const shown = sanitize(text);
      expect(shown).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
      expect(sanitize(shown)).toBe(shown);
    }));
  });
});

describe('quotePath', () => {
  it.each([
    ['sub/a b.txt', 'sub/a b.txt'],
    ['grüße/日本.txt', 'grüße/日本.txt'],
    ['new\nline', '"new\\nline"'],
    ['quote"d', '"quote\\"d"'],
    ['back\\slash', '"back\\\\slash"'],
    ['\x1b[31m', '"\\033[31m"'],
    ['a\u0085b', '"a\\302\\205b"'],
    ['a\u202eb', '"a\\342\\200\\256b"'],
  ])('%j is shown as %s', (path, shown) => {
    expect(quotePath(path)).toBe(shown);
  });

  describe('judged by git', () => {
    let judge: Judge;
    beforeAll(() => { judge = judgeRepository(); });
    afterAll(() => judge.remove());

    it('quotes every ASCII character as git does', () => {
      const names = Array.from({ length: 127 }, (_, i) => `x${String.fromCharCode(i + 1)}y`).filter((name) => !name.includes('/'));
      for (const name of names) judge.write(name, '');
      const listed = judge.run('git', ['-c', 'core.quotePath=false', 'ls-files', '--others']).stdout.trim().split('\n');
      expect(names.map(quotePath).sort()).toEqual(listed.sort());
    });
  });
});

describe('redactUrl', () => {
  it.each([
    ['https://example.org/a?b=c', 'https://example.org/a?b=c'],
    ['ssh://git@example.org:22/x', 'ssh://git@example.org:22/x'],
    ['git@example.org:x.git', 'git@example.org:x.git'],
    ['https://user:secret@example.org/x', 'https://user:***@example.org/x'],
    ['https://user:s@cr:et@example.org', 'https://user:***@example.org'],
    ['https://:secret@example.org/', 'https://:***@example.org/'],
    ['ria+https://ghp_abcdef0123@example.org/s#~a', 'ria+https://***@example.org/s#~a'],
    ['https://x/y?access_token=abc&page=2', 'https://x/y?access_token=***&page=2'],
    ['https://x/y?page=2&X-Amz-Signature=ab%2F&X-Amz-Date=1', 'https://x/y?page=2&X-Amz-Signature=***&X-Amz-Date=1'],
    ['https://x/y?apiKey=1;b=2#access_token=3', 'https://x/y?apiKey=***;b=2#access_token=***'],
    ['https://x/y?monkey=1&keyboard=2', 'https://x/y?monkey=1&keyboard=2'],
    ['fatal: unable to access \'https://u:p@h/x\': no', 'fatal: unable to access \'https://u:***@h/x\': no'],
    ['/plain/path@v1', '/plain/path@v1'],
  ])('%s', (url, shown) => {
    expect(redactUrl(url)).toBe(shown);
  });
});
