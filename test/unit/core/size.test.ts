import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { formatSize, parseSize } from '../../../src/core/size.ts';
import { installed, judgeRepository } from '../support/judges.ts';

/** Text → bytes; undefined is no size. */
const SIZES: readonly (readonly [string, number | undefined])[] = [
  ['10', 10], ['0', 0], ['10k', 10_000], ['10K', 10_000], ['100kb', 100_000], ['10MB', 10_000_000], ['10mib', 10_485_760], ['10Ki', 10_240],
  ['1.5 GB', 1_500_000_000], ['2 gigabytes', 2_000_000_000], ['1 kibibyte', 1024], ['5B', 5], ['5 bytes', 5], ['1TB', 1e12],
  ['1e3', 1000], ['1e3kb', 1_000_000], ['1e-1kb', 100], ['0x10', 16], ['0o17', 15], ['010', 10], [' 5', 5], ['10 kb,more', 10_000],
  ['8kbit', 1000], ['8 megabits', 1_000_000], ['2.5', 2], ['3.5', 4], ['0.5', 0], ['1.', 1], ['1.5.5', 2],
  ['', undefined], ['abc', undefined], ['.5', undefined], ['+5', undefined], ['10kbfoo', undefined], ['1kbs', undefined],
  ['8bits', undefined], ['8Kibit', undefined], ['1é', undefined],
];

describe('parseSize', () => {
  it.each(SIZES)('%j is %s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  it('refuses negative and unbounded sizes', () => {
    expect(parseSize('-5')).toBeUndefined();
    expect(parseSize('1e999')).toBeUndefined();
  });

  it.skipIf(!installed('git-annex', 'version'))('agrees with git-annex', () => {
    const judge = judgeRepository({ annex: true });
    try {
      for (const [text, bytes] of SIZES) {
        const expression = bytes === undefined ? 'anything' : `largerthan=${bytes - 1} and smallerthan=${bytes + 1}`;
        const { status } = judge.run('git', ['annex', 'matchexpression', '--largefiles', '--file=x', `--size=${text}`, expression]);
        expect([text, status]).toEqual([text, bytes === undefined ? 1 : 0]);
      }
    } finally {
      judge.remove();
    }
  });
});

describe('formatSize', () => {
  it.each([
    [0, '0 B'], [999, '999 B'], [1000, '1 kB'], [1500, '1.5 kB'], [300_000, '300 kB'], [999_499, '999 kB'], [999_500, '1 MB'],
    [9_995, '10 kB'], [123_456, '123 kB'], [1e12, '1 TB'], [1.5e18, '1.5 EB'],
  ])('%d is %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });

  it('reads back as nearly the same size', () => {
    fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      const back = parseSize(formatSize(bytes)) ?? -1;
      expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.006);
    }));
  });
});
