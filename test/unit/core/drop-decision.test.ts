import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideDrop, forceDrop } from '../../../src/core/drop-decision.ts';
import type { CopyEvidence } from '../../../src/core/drop-decision.ts';

const KEY = 'SHA256-s1--aa';
const HERE = { uuid: 'here', local: true };
const REMOTE = { uuid: 'remote', local: false };

const evidence = fc.array(fc.record<CopyEvidence>({
  uuid: fc.constantFrom('here', 'remote', 'a', 'b', 'c', 'd', ''), kind: fc.constantFrom('locked', 'verified', 'trusted'),
}), { maxLength: 8 });
const counts = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.constant(Number.NaN));

function policy(numCopies: number, minCopies: number = 1): { numCopies: number; minCopies: number } {
  return { numCopies, minCopies };
}

describe('properties', () => {
  it('never approves below policy', () => {
    fc.assert(fc.property(fc.constantFrom(HERE, REMOTE), counts, counts, evidence, (from, numCopies, minCopies, copies) => {
      const decision = decideDrop(KEY, from, { numCopies, minCopies }, copies);
      const others = copies.filter(({ uuid }) => uuid !== '' && uuid !== from.uuid);
      const places = new Set(others.map(({ uuid }) => uuid)).size;
      const firm = new Set(others.filter(({ kind }) => kind !== 'verified').map(({ uuid }) => uuid)).size;
      const needed = Math.max(numCopies >= 1 ? numCopies : 1, minCopies >= 1 ? minCopies : 1);
      const safe = places >= needed && (from.local || firm >= (minCopies >= 1 ? minCopies : 1));
      expect('unsafe' in decision).toBe(!safe);
      if (!('unsafe' in decision)) {
        expect(decision.forced).toBe(false);
        expect(new Set(decision.evidence.map(({ uuid }) => uuid)).size).toBe(decision.evidence.length);
        expect(decision.evidence.length).toBeGreaterThanOrEqual(1);
        expect(decision.evidence.some(({ uuid }) => uuid === from.uuid)).toBe(false);
      }
    }), { numRuns: 500 });
  });

  it('does not depend on the order of evidence, and more evidence never makes it refuse', () => {
    fc.assert(fc.property(fc.constantFrom(HERE, REMOTE), counts, counts, evidence, evidence, (from, numCopies, minCopies, copies, more) => {
      const safe = (given: readonly CopyEvidence[]): boolean => !('unsafe' in decideDrop(KEY, from, { numCopies, minCopies }, given));
      expect(safe([...copies].reverse())).toBe(safe(copies));
      if (safe(copies)) expect(safe([...more, ...copies])).toBe(true);
    }));
  });
});

describe('dropping here', () => {
  it('takes any kind of copy', () => {
    expect(decideDrop(KEY, HERE, policy(2), [{ uuid: 'a', kind: 'verified' }, { uuid: 'b', kind: 'trusted' }])).toEqual({
      key: KEY, from: 'here', forced: false, evidence: [{ uuid: 'a', kind: 'verified' }, { uuid: 'b', kind: 'trusted' }],
    });
  });

  it('needs the larger of numcopies and mincopies', () => {
    expect(decideDrop(KEY, HERE, policy(1, 2), [{ uuid: 'a', kind: 'verified' }])).toMatchObject({ unsafe: true, needed: 2, have: 1 });
  });

  it('refuses with no evidence, whatever the policy says', () => {
    expect(decideDrop(KEY, HERE, policy(0, 0), [])).toEqual({ unsafe: true, key: KEY, needed: 1, have: 0, needLocked: 0, haveLocked: 0 });
  });
});

describe('dropping from a remote', () => {
  it('needs a copy that cannot go away: two plain special remotes are not enough, trusting one is', () => {
    const plain: CopyEvidence[] = [{ uuid: 'a', kind: 'verified' }, { uuid: 'b', kind: 'verified' }];
    expect(decideDrop(KEY, REMOTE, policy(1), plain)).toEqual({ unsafe: true, key: KEY, needed: 1, have: 2, needLocked: 1, haveLocked: 0 });
    expect(decideDrop(KEY, REMOTE, policy(1), [...plain, { uuid: 'a', kind: 'trusted' }])).toMatchObject({ forced: false });
  });

  it('keeps the strongest evidence about a repository, and counts it once', () => {
    const one: CopyEvidence[] = [{ uuid: 'a', kind: 'locked' }, { uuid: 'a', kind: 'verified' }, { uuid: 'a', kind: 'trusted' }];
    expect(decideDrop(KEY, REMOTE, policy(1), one)).toMatchObject({ evidence: [{ uuid: 'a', kind: 'locked' }] });
    expect(decideDrop(KEY, REMOTE, policy(2), one)).toMatchObject({ unsafe: true, have: 1 });
  });
});

it('forces only when told to, and says so', () => {
  expect(forceDrop(KEY, 'here')).toEqual({ key: KEY, from: 'here', evidence: [], forced: true });
});
