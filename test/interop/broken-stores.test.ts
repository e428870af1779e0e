// One defect per store: the error that must be reported, and nothing else happens.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { snapshot } from '../support/fixtures.ts';
import { goldenExpectation, unpackGolden } from '../support/golden.ts';
import { PROJECT } from '../support/project.ts';
import { createSandbox } from '../support/sandbox.ts';

interface Defect {
  readonly name: string;
  readonly title: string;
  readonly damage: string;
  readonly when: 'clone' | 'get' | 'push';
  /** One code, or several joined by `|` where any of them is right. */
  readonly code: string;
  readonly exit: number;
}

const defects = JSON.parse(readFileSync(join(PROJECT, 'store-layout/broken/defects.json'), 'utf8')) as Defect[];
const OBJECT = 'annex/objects/wP/3M/MD5E-s10--f20ac88f15965b73c753a3abd06c5d22.dat/MD5E-s10--f20ac88f15965b73c753a3abd06c5d22.dat';

describe('broken stores', () => {
  const sandbox = createSandbox();
  const golden = goldenExpectation('loose');

  it.each(defects)('$name: $title', async ({ name, damage, when, code, exit }) => {
    const store = await unpackGolden(sandbox, 'loose', sandbox.path(name));
    const dataset = join(store, golden.dataset.slice(0, 3), golden.dataset.slice(3));
    const clone = sandbox.path(name, 'clone');
    expect(existsSync(join(dataset, OBJECT)), 'object of one.dat').toBe(true);
    if (when !== 'clone') await sandbox.dstoreOk(['clone', `${store}#~data`, clone]);
    if (when === 'push') {
      writeFileSync(join(clone, 'new.dat'), 'new\0');
      await sandbox.dstoreOk(['save', '-m', 'new'], { cwd: clone });
    }
    await sandbox.ok('sh', ['-ec', damage], { cwd: store, env: { DATASET: dataset, OBJECT: join(dataset, OBJECT) } });
    const before = snapshot(store);
    const result =
      when === 'clone' ? await sandbox.dstore(['clone', `${store}#~data`, clone]) : await sandbox.dstore(when === 'get' ? ['get', 'one.dat'] : ['push'], { cwd: clone });
    const text = result.stdout + result.stderr;
    expect([...new Set(text.match(/DSTORE_E_[A-Z_]+/g) ?? [])].join(), text).toMatch(new RegExp(`DSTORE_E_(?:${code})\\b`));
    expect(result.status, text).toBe(exit);
    expect(text).not.toMatch(/DSTORE_E_INTERNAL|^\s+at .*:\d+:\d+/m);
    expect(snapshot(store)).toEqual(before);
    if (when === 'clone') expect(existsSync(clone)).toBe(false);
    if (when === 'get') expect(existsSync(join(clone, 'one.dat'))).toBe(false);
  });
});
