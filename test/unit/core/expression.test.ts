import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseExpression, STANDARD_GROUPS } from '../../../src/core/expression.ts';
import type { MatchSubject } from '../../../src/core/expression.ts';
import { mimeEncoding } from '../../../src/core/mime-encoding.ts';
import { installed, judgeRepository } from '../support/judges.ts';
import type { Judge } from '../support/judges.ts';

const hasAnnex = installed('git-annex', 'version');
const SUBJECT: MatchSubject = { path: 'foo.txt', size: 100, mimeEncoding: () => 'us-ascii', mimeType: () => 'text/plain' };

const largefiles = (text: string, subject: Partial<MatchSubject> = {}): boolean =>
  parseExpression(text, 'largefiles').matches({ ...SUBJECT, ...subject });
const preferred = (text: string, subject: Partial<MatchSubject> = {}): boolean =>
  parseExpression(text, 'preferred').matches({ path: 'foo.txt', size: 100, ...subject });

const INVALID = expect.objectContaining({ code: 'EXPRESSION_INVALID' }) as Error;

describe('annex.largefiles', () => {
  const CASES: readonly (readonly [string, boolean])[] = [
    ['anything', true], ['nothing', false], ['', true], ['largerthan=50', true], ['largerthan=100', false], ['smallerthan=101', true],
    ['smallerthan=100', false], ['largerthan=100kb', false], ['include=*.txt', true], ['exclude=*.txt', false], ['include=*.dat or include=*.txt', true],
    ['include=*.txt and largerthan=1kb', false], ['not include=*.txt', false], ['((mimeencoding=binary)and(largerthan=0))', false],
    ['(mimeencoding=us-*)', true], ['mimetype=text/*', true], ['mimetype=TEXT/*', false], ['include=foo=bar', false], ['include=', false],
    // No precedence between and and or: from left to right.
    ['anything or nothing and nothing', false], ['nothing and nothing or anything', true], ['nothing nothing or anything', true],
    ['not nothing nothing', false], ['not anything or anything', true], ['not (nothing or nothing) and anything', true], ['not not anything', true],
    // Nothing in these is an error for git-annex.
    ['(anything', true], ['anything)', true], ['nothing or', true], ['not', false], ['(not) nothing', false], ['not ) nothing', true], ['()', true],
    ['include=*(anything)', true], ['anything\u00a0nothing', false],
  ];

  it.each(CASES)('%s: %s', (text, matches) => {
    expect(largefiles(text)).toBe(matches);
  });

  it.each(['bogus', 'foo=bar', 'AND', 'anything=1', 'largerthan=foo', 'largerthan', 'copies=1', 'present', 'include=*.(txt)', 'anything\u2028nothing'])(
    'refuses %s', (text) => {
      expect(() => parseExpression(text, 'largefiles')).toThrowError(INVALID);
    },
  );

  it('names the token it does not understand, wherever it stands', () => {
    expect(() => parseExpression('anything or (nothing and wibble)', 'largefiles')).toThrowError(/"wibble"/);
    expect(() => parseExpression('include=[a', 'largefiles')).toThrowError(/\[a/);
  });

  it('says what it needs', () => {
    expect(parseExpression('include=*.txt and (mimeencoding=binary)', 'largefiles').needsContent).toBe(true);
    expect(parseExpression('include=*.txt', 'largefiles').needsContent).toBe(false);
    expect([...parseExpression('include=a or exclude=b', 'largefiles').terms]).toEqual(['include', 'exclude']);
  });

  it('asks for the encoding only when it decides', () => {
    let asked = 0;
    const expression = parseExpression('largerthan=1kb and mimeencoding=binary', 'largefiles');
    expect(expression.matches({ path: 'a', size: 10, mimeEncoding: () => { asked += 1; return 'binary'; } })).toBe(false);
    expect(asked).toBe(0);
  });

  describe.skipIf(!hasAnnex)('judged by git-annex', () => {
    let judge: Judge;
    beforeAll(() => { judge = judgeRepository({ annex: true }); });
    afterAll(() => judge.remove());
    const ask = (text: string): number | null => judge.run('git', ['annex', 'matchexpression', '--largefiles', '--file=foo.txt', '--size=100',
      '--mimetype=text/plain', '--mimeencoding=us-ascii', '--', text]).status;

    it('agrees on the cases above', () => {
      for (const [text, matches] of CASES) expect([text, ask(text)]).toEqual([text, matches ? 0 : 1]);
    });

    it('agrees on arbitrary sequences of tokens', () => {
      const token = fc.constantFrom('and', 'or', 'not', '(', ')', 'anything', 'nothing', 'largerthan=50', 'include=x');
      fc.assert(fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
        const text = tokens.join(' ');
        expect([text, largefiles(text) ? 0 : 1]).toEqual([text, ask(text)]);
      }), { numRuns: 60 });
    });

    it('puts the same files into the annex as git annex add', () => {
      const files: Record<string, Uint8Array> = {
        'text.txt': Buffer.from('hello\n'), 'empty.dat': Buffer.alloc(0), 'one.dat': Buffer.from('a'), 'binary.dat': Buffer.from([1, 2, 0, 3]),
        'sub/utf8.md': Buffer.from('grüße\n'), 'sub/latin1.md': Buffer.from('gr\xfc\xdfe\n', 'latin1'), 'sub/wide.txt': Buffer.from('\ufeffhello', 'utf16le'),
        'sub/text2.tsv': Buffer.from('a\tb\n'.repeat(500)), 'image.png': Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
        'broken.txt': Buffer.from([0x41, 0xc3]), 'late.txt': Buffer.concat([Buffer.alloc(65536, 0x61), Buffer.alloc(5)]),
      };
      for (const [path, content] of Object.entries(files)) judge.write(path, content);
      for (const text of ['((mimeencoding=binary)and(largerthan=0))', 'mimeencoding=binary', 'largerthan=1kb or include=*.png', 'not (include=sub/* and include=*.md)']) {
        judge.run('git', ['rm', '-r', '-q', '--cached', '--ignore-unmatch', '.']);
        judge.run('git', ['config', 'annex.largefiles', text]);
        for (const [path, content] of Object.entries(files)) {
          judge.run('rm', ['-f', path]);
          judge.write(path, content);
        }
        judge.run('git', ['annex', 'add', '-q', '.']);
        const annexed = judge.run('git', ['annex', 'find', '--anything']).stdout.trim().split('\n').sort();
        const expression = parseExpression(text, 'largefiles');
        const ours = Object.entries(files)
          .filter(([path, content]) => expression.matches({ path, size: content.length, mimeEncoding: () => mimeEncoding(content) }))
          .map(([path]) => path).sort();
        expect([text, ours]).toEqual([text, annexed]);
      }
    });
  });
});

describe('preferred content', () => {
  const YEAR = { metadata: (field: string) => ({ year: ['2010'], tag: ['FooBar'], date: ['2020-01-02'] })[field.toLowerCase()] ?? [] };

  it('counts copies by trust and group', () => {
    const seen: unknown[] = [];
    const copies = (trust?: string, group?: string): number => { seen.push([trust, group]); return 2; };
    expect(preferred('copies=2', { copies })).toBe(true);
    expect(preferred('copies=3', { copies })).toBe(false);
    expect(preferred('copies=semitrusted+:2', { copies })).toBe(true);
    expect(preferred('copies=archive:2', { copies })).toBe(true);
    expect(seen).toEqual([[undefined, undefined], [undefined, undefined], ['semitrusted+', undefined], [undefined, 'archive']]);
  });

  it('hands counts of lacking copies on', () => {
    const lackingCopies = (count: number, approximate: boolean): boolean => count === 1 && approximate;
    expect(preferred('approxlackingcopies=1', { lackingCopies })).toBe(true);
    expect(preferred('lackingcopies=1', { lackingCopies })).toBe(false);
  });

  it('takes an unknown size for smaller than everything', () => {
    expect(preferred('largerthan=0', { size: undefined })).toBe(false);
    expect(preferred('smallerthan=0', { size: undefined })).toBe(true);
  });

  it('finds the backend in the key', () => {
    expect(preferred('inbackend=SHA256E', { key: 'SHA256E-s1--abc.txt' })).toBe(true);
    expect(preferred('inbackend=SHA256', { key: 'SHA256E-s1--abc.txt' })).toBe(false);
  });

  it.each([
    ['metadata=year=2010', true], ['metadata=YEAR=2010', true], ['metadata=year<2011', true], ['metadata=year<=2010', true], ['metadata=year>9', true],
    ['metadata=year>=2010.0', true], ['metadata=year<abc', true], ['metadata=tag=foo*', true], ['metadata=date<2021', true],
    ['metadata=date>2021-01-01', false], ['metadata=year', false], ['metadata=other=*', false],
  ])('%s: %s', (text, matches) => {
    expect(preferred(text, YEAR)).toBe(matches);
  });

  it.each(['copies=x', 'copies=', 'copies=1.5', 'copies=+1', 'copies=trusted:client:1', 'lackingcopies=x', 'metadata==x', 'metadata=-a=x', 'mimetype=text/plain',
    'mimeencoding=binary', 'in=here', 'balanced=a:1'])('refuses %s', (text) => {
    expect(() => parseExpression(text, 'preferred')).toThrowError(INVALID);
  });

  it('never decides what it was not told', () => {
    for (const text of ['present', 'not present', 'standard', 'copies=1', 'not copies=1', 'inallgroup=a', 'metadata=a=b', 'securehash']) {
      expect(() => preferred(text)).toThrowError(expect.objectContaining({ code: 'UNSUPPORTED' }) as Error);
    }
    expect(preferred('nothing and present')).toBe(false);
    expect(preferred('unused')).toBe(false);
  });

  it('parses every standard group', () => {
    for (const expression of Object.values(STANDARD_GROUPS)) expect(() => parseExpression(expression, 'preferred')).not.toThrow();
  });

  it('gives the standard groups their meaning', () => {
    const at = (path: string, archived: number, lacking = false): Partial<MatchSubject> => ({
      path, copies: (_, group) => (group === 'archive' ? archived : 0), lackingCopies: () => lacking, present: () => false, inAllGroup: () => false,
    });
    const wants = (group: string, subject: Partial<MatchSubject>): boolean => preferred(STANDARD_GROUPS[group] ?? 'bogus', subject);
    expect(wants('client', at('a', 1))).toBe(true);
    expect(wants('client', at('x/archive/a', 0))).toBe(true);
    expect(wants('client', at('x/archive/a', 1))).toBe(false);
    expect(wants('client', at('x/archive/a', 1, true))).toBe(true);
    expect(wants('archive', at('a', 1))).toBe(false);
    expect(wants('smallarchive', at('a', 0))).toBe(false);
    expect(wants('smallarchive', at('archive/a', 0))).toBe(true);
    expect(wants('manual', at('a', 0))).toBe(false);
    expect(wants('unwanted', at('a', 0, true))).toBe(false);
  });

  it.skipIf(!hasAnnex)('agrees with git-annex about a key with metadata', () => {
    const judge = judgeRepository({ annex: true });
    try {
      judge.write('f', 'content\n');
      judge.run('git', ['annex', 'add', '-q', 'f']);
      judge.run('git', ['annex', 'metadata', '-q', '-s', 'year=2010', '-s', 'Tag=FooBar', '-s', 'date=2020-01-02', 'f']);
      const key = judge.run('git', ['annex', 'lookupkey', 'f']).stdout.trim();
      for (const text of ['metadata=YEAR=2010', 'metadata=year<=2010', 'metadata=year>9', 'metadata=year<abc', 'metadata=tag=foo*', 'metadata=date<2021',
        'metadata=date>2021-01-01', 'metadata=year', 'metadata=other=*', 'inbackend=SHA256E', 'inbackend=SHA256', 'copies=0', 'copies=1x', 'copies=-1']) {
        const { status } = judge.run('git', ['annex', 'matchexpression', '--file=f', `--key=${key}`, '--size=8', '--', text]);
        expect([text, preferred(text, { ...YEAR, key, copies: () => 1 }) ? 0 : 1]).toEqual([text, status]);
      }
    } finally {
      judge.remove();
    }
  });
});
