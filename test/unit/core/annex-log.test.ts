import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  branchPathOfJournalFile, compareClocks, journalFileName, keyOfLocationLogPath, locationLogPath, nextClock, parseMapLog, parsePresenceLog,
  parseSingleLog, parseUuidLog, presentIn, setPresence, setSingleLog, setUuidLog, unionMerge,
} from '../../../src/core/annex-log.ts';
import { normalizeKey } from '../../../src/core/key.ts';
import { compareUtf8 } from '../../../src/core/utf8.ts';
import type { Presence } from '../../../src/core/annex-log.ts';
import { readVectors } from './vectors.ts';

interface MergeVector {
  case: string; local: string; remote: string | null; merged_blob: string; present_uuids: string[];
  after_setpresentkey_C_1_clock_1000: string;
}
const merges = readVectors<{ key: string; path: string; uuids: { A: string; C: string }; cases: MergeVector[] }>('location-log-merge');
const branch = readVectors<{
  vector_clock_location_log: { clock: string; set: Presence; log: string }[];
  vector_clock_numcopies: { clock: string; set: string; log: string }[];
  uuid_log_parsing: { uuid_log: string; description: string }[];
}>('branch-logs');
const journal = readVectors<{ names: { branch_path: string; journal_name: string }[] }>('journal-names');
const keyed = readVectors<{ keys: { key: string; lower: string; file: string }[] }>('hashdirs');

const UUID = 'aaaaaaaa-0000-4000-8000-000000000001';

const clocks = fc.oneof(
  fc.integer({ min: -20, max: 20 }).map(seconds => `${seconds}s`),
  fc.tuple(fc.nat({ max: 20 }), fc.constantFrom('5', '25', '000000001', '100')).map(([seconds, fraction]) => `${seconds}.${fraction}s`),
  fc.nat({ max: 20 }).map(String),
);
const logLines = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(clocks, fc.constantFrom('1', '0', 'X'), fc.constantFrom('A', 'B', 'C')).map(words => words.join(' ')) },
  { weight: 1, arbitrary: fc.constantFrom('garbage', '', '1s 2 A', '1s 1 ', '5s 1 é😀', '5s 1 \u{fffd}', '7s 1 A\r') },
);
const logs = fc.array(logLines, { maxLength: 6 }).map(lines => lines.map(line => `${line}\n`).join(''));

function linesOf(content: string): string[] {
  return [...new Set(content.split('\n').slice(0, -1))].sort();
}

function statuses(content: string): Record<string, string> {
  return Object.fromEntries([...parsePresenceLog(content).entries].map(([info, { status }]) => [info, status]).sort());
}

describe('merges of the real program', () => {
  it.each(merges.cases)('$case', vector => {
    const merged = vector.remote === null ? vector.local : unionMerge(vector.local, vector.remote);
    expect(merged).toBe(vector.merged_blob);
    expect(presentIn(merged).sort()).toEqual(vector.present_uuids);
    expect(setPresence(merged, [{ info: merges.uuids.C, status: '1' }], '1000s') ?? merged).toBe(vector.after_setpresentkey_C_1_clock_1000);
  });
});

describe('union merge', () => {
  it('is commutative and associative as sets of lines and in what it says is present', () => {
    fc.assert(fc.property(logs, logs, logs, (a, b, c) => {
      expect(linesOf(unionMerge(a, b))).toEqual(linesOf(unionMerge(b, a)));
      expect(linesOf(unionMerge(unionMerge(a, b), c))).toEqual(linesOf(unionMerge(a, unionMerge(b, c))));
    }));
  });

  it('gives one answer about presence wherever and in whatever order it is done, when the inputs are sorted', () => {
    fc.assert(fc.property(logs, logs, logs, (a, b, c) => {
      const [x, y, z] = [a, b, c].map(log => unionMerge(log, 'new\n')) as [string, string, string];
      const expected = statuses(unionMerge(unionMerge(x, y), z));
      const otherWays = [unionMerge(z, unionMerge(y, x)), unionMerge(unionMerge(z, x), y), unionMerge(y, unionMerge(z, x))];
      for (const merged of otherWays) expect(statuses(merged)).toEqual(expected);
    }));
  });

  it('is idempotent and keeps every line of both sides', () => {
    fc.assert(fc.property(logs, logs, (a, b) => {
      expect(unionMerge(a, a)).toBe(a);
      const merged = unionMerge(a, b);
      expect(unionMerge(merged, a)).toBe(merged);
      expect(unionMerge(merged, b)).toBe(merged);
      expect(linesOf(merged)).toEqual([...new Set([...linesOf(a), ...linesOf(b)])].sort());
    }));
  });

  it('sorts by bytes, not by UTF-16 units', () => {
    expect(unionMerge('😀\n', '\u{ffee}\n')).toBe('\u{ffee}\n😀\n');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }));
  });

  it('keeps bytes that are no UTF-8 when given latin1 text', () => {
    const bytes = Buffer.from([0x31, 0xff, 0x0a]);
    expect(Buffer.from(unionMerge(bytes.toString('latin1'), '0\n'), 'latin1')).toEqual(Buffer.from([0x30, 0x0a, 0x31, 0xff, 0x0a]));
  });
});

describe('presence', () => {
  it('follows the recorded sequence of settings', () => {
    let content = '';
    for (const { clock, set, log } of branch.vector_clock_location_log) {
      content = setPresence(content, [{ info: UUID, status: set }], clock) ?? content;
      expect(content).toBe(log);
    }
  });

  it.each([
    ['+100s', '100s'], ['100.50s', '100.5s'], ['0100s', '100s'], ['100.1234567890123s', '100.123456789012s'],
    ['100.000s', '100s'], ['100', '100s'],
    ['-0.5s', '0.5s'], ['-5.25s', '-5.25s'], ['-5s', '-5s'],
  ])('rewrites the clock %s as %s, like git-annex', (written, rewritten) => {
    expect(setPresence(`${written} 1 A\n`, [{ info: 'C', status: '1' }], '1s')).toBe(`${rewritten} 1 A\n1s 1 C\n`);
  });

  it.each([
    '100.s 1 A', '.5s 1 A', '100s  1 A', '100s 2 A', ' 100s 1 A', '100s 1', '1e3s 1 A', '100ss 1 A', '100S 1 A', '100s 1 ',
  ])('ignores the line %j', line => {
    expect(presentIn(`${line}\n`)).toEqual([]);
    expect(setPresence(`${line}\n`, [{ info: 'C', status: '1' }], '1s')).toBe('1s 1 C\n');
  });

  it('makes any change visible at once, even against a clock in the future', () => {
    const infos = fc.constantFrom('A', 'B', 'D');
    fc.assert(fc.property(logs, clocks, infos, fc.constantFrom('1', '0', 'X'), (log, now, info, status) => {
      const changed = setPresence(log, [{ info, status }], now);
      const after = changed ?? log;
      expect(statuses(after)[info]).toBe(status);
      expect({ ...statuses(after), [info]: null }).toEqual({ ...statuses(log), [info]: null });
      // Also after the old version is merged in again, as it will be from other clones.
      expect(statuses(unionMerge(after, log))[info]).toBe(status);
      expect(setPresence(after, [{ info, status }], now)).toBeUndefined();
    }));
  });

  it('sets several at once, sorted by bytes, and says when nothing changes', () => {
    expect(setPresence('', [{ info: 'b', status: '1' }, { info: 'a', status: '0' }], '5s')).toBe('5s 0 a\n5s 1 b\n');
    expect(setPresence('5s 0 a\n5s 1 b\n', [{ info: 'b', status: '1' }], '9s')).toBeUndefined();
    expect(setPresence('', [], '9s')).toBeUndefined();
  });

  it('agrees with the full reading', () => {
    fc.assert(fc.property(logs, log => {
      const present = [...parsePresenceLog(log).entries].filter(([, { status }]) => status === '1').map(([info]) => info);
      expect(presentIn(log).sort()).toEqual(present.sort());
    }));
  });
});

describe('clocks', () => {
  it('compare as numbers', () => {
    const order = [
      'nonsense', '-5.25s', '-5s', '0s', '0.000000001s', '99s', '100s', '100.5s', '1700000000.123456788s', '1700000000.123456789s',
    ];
    for (const [i, a] of order.entries()) {
      for (const [j, b] of order.entries()) expect(Math.sign(compareClocks(a, b))).toBe(Math.sign(i - j));
    }
    expect(compareClocks('100', '100.0s')).toBe(0);
  });

  it('never go back', () => {
    fc.assert(fc.property(clocks, clocks, (now, previous) => {
      expect(compareClocks(nextClock(now, previous), previous)).toBe(1);
      expect(compareClocks(nextClock(now, previous), now)).toBeGreaterThanOrEqual(0);
    }));
  });
});

describe('logs by UUID', () => {
  it.each(branch.uuid_log_parsing)('$uuid_log', ({ uuid_log, description }) => {
    expect(parseUuidLog(uuid_log).get(UUID)?.value).toBe(description);
  });

  it.each([
    ['A timestamp=5s', '', '5s'], ['A  timestamp=5s', '', '5s'], ['A x  y  timestamp=5s', 'x  y ', '5s'],
    ['A x timestamp=foo', 'x timestamp=foo', undefined], ['A x timestamp=5', 'x', '5s'],
    ['A x timestamp=5s ', 'x timestamp=5s ', undefined],
    ['A  x timestamp=5s', ' x', '5s'], ['A x\ttimestamp=5s', 'x\ttimestamp=5s', undefined],
  ])('reads %j like git-annex', (line, value, clock) => {
    expect(parseUuidLog(`${line}\n`).get('A')).toEqual({ value, clock });
  });

  it('writes sorted, with a newer clock each time, and in one line', () => {
    expect(setUuidLog('B old\nA x timestamp=9s\n', 'A', 'x', '5s')).toBe('A x timestamp=10s\nB old\n');
    expect(setUuidLog('', 'A', 'two\r\nlines', '5s')).toBe('A two lines timestamp=5s\n');
    expect(setUuidLog('A x timestamp=1s\n', 'A', '', '5s')).toBe('A  timestamp=5s\n');
  });
});

describe('map logs', () => {
  it('takes the newest line, the later of equals', () => {
    const log = parseMapLog('5s a old\n7s a new value\n7s b 1\n7s b 2\n6s b 3\nnonsense\n5s c \n5s d\n');
    expect(Object.fromEntries([...log].map(([name, { value }]) => [name, value]))).toEqual({ a: 'new value', b: '2', c: '' });
  });
});

describe('single-value logs', () => {
  it('follows the recorded sequence of settings', () => {
    let content = '';
    for (const { clock, set, log } of branch.vector_clock_numcopies) {
      content = setSingleLog(content, set, clock) ?? content;
      expect(content).toBe(log);
    }
  });

  it.each([
    ['100s 1\n100s 2\n', '2'], ['100s 2\n100s 1\n', '2'], ['100s x\n50s 2\n', '2'], ['100s  2\n', '2'],
    ['100s 10\n100s 9\n', '10'], ['2\n', undefined], ['', undefined],
  ])('reads %j as %s', (content, value) => {
    expect(parseSingleLog(content)).toBe(value);
  });
});

describe('paths', () => {
  it.each(keyed.keys)('location log of $key', ({ key, lower, file }) => {
    expect(locationLogPath(key)).toBe(`${lower}${file}.log`);
    expect(keyOfLocationLogPath(`${lower}${file}.log`)).toBe(normalizeKey(key));
  });

  it('finds the recorded path', () => {
    expect(locationLogPath(merges.key)).toBe(merges.path);
  });

  it.each([
    'uuid.log', 'a/SHA256-s1--x.log', 'a/b/c/SHA256-s1--x.log', 'a/b/SHA256-s1--x.log.web', 'a/b/SHA256-s1--x.log.met', 'a/b/nokey.log',
    'a/b/SHA256-s1--x',
  ])('%s is no location log', path => {
    expect(keyOfLocationLogPath(path)).toBeUndefined();
  });

  it.each(journal.names)('journal file $journal_name', ({ branch_path, journal_name }) => {
    expect(journalFileName(branch_path)).toBe(journal_name);
    expect(branchPathOfJournalFile(journal_name)).toBe(branch_path);
  });
});
