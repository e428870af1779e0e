// One walk through all operations, for any two programs: one made and published the data, the other works with it.
import { appendFileSync, existsSync, lstatSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { annexCopies, checkClean } from '../support/check-clean.ts';
import { bytes, HARD_FILES, readFiles, writeFiles, writeHardFiles } from '../support/fixtures.ts';
import type { Files } from '../support/fixtures.ts';
import type { Sandbox } from '../support/sandbox.ts';
import type { Actor, Published } from './actors.ts';

const PART = ['caf\u00e9-composed.dat', 'cafe\u0301-decomposed.dat', '\u65e5\u672c\u8a9e', '-dash.dat', 'with space.dat', 'empty.dat'];
const PART_FILES = [...PART.filter((path) => path.endsWith('.dat')), '\u65e5\u672c\u8a9e/gr\u00f6\u00dfe.dat'];

/** Registers the tests of the walk; they depend on each other in order. `maker` made the data, `worker` works on it elsewhere. */
export function walk(sandbox: Sandbox, maker: Actor, worker: Actor): void {
  const made = sandbox.path('made');
  const clone = sandbox.path('clone');
  let files: Files = {};
  let published: Published;
  let annexed: string[] = [];

  const contentOf = (dataset: string, paths: readonly string[]): Record<string, string | undefined> => readFiles(dataset, paths);
  const expected = (paths: readonly string[]): Record<string, string | undefined> => Object.fromEntries(paths.map((path) => [path, files[path]]));
  const nothing = (paths: readonly string[]): Record<string, undefined> => Object.fromEntries(paths.map((path) => [path, undefined]));

  it(`${maker.name} creates, saves and publishes`, async () => {
    await maker.create(made);
    files = writeHardFiles(made);
    await maker.save(made, 'hard names');
    await checkClean(sandbox, made);
    published = await maker.publish(made, sandbox.path('store'));
    await checkClean(sandbox, made);
    annexed = [...(await annexCopies(sandbox, made)).keys()];
    expect(annexed.length).toBeGreaterThan(15);
  });

  it(`${worker.name} clones; only the content is missing`, async () => {
    await worker.clone(published, clone);
    await checkClean(sandbox, clone);
    expect(contentOf(clone, annexed)).toEqual(nothing(annexed));
    expect((await sandbox.git(clone, 'ls-files', '-s')).trim()).toBe((await sandbox.git(made, 'ls-files', '-s')).trim());
    expect((await sandbox.git(clone, 'rev-parse', 'HEAD')).trim()).toBe((await sandbox.git(made, 'rev-parse', 'HEAD')).trim());
  });

  it(`${worker.name} gets a part, by file and by folder`, async () => {
    await worker.get(clone, ...PART);
    expect(contentOf(clone, PART_FILES)).toEqual(expected(PART_FILES));
    const others = annexed.filter((path) => !PART_FILES.includes(path) && files[path] !== '');
    expect(contentOf(clone, others)).toEqual(nothing(others));
    await checkClean(sandbox, clone);
  });

  it(`${worker.name} gets everything; nothing is wrong with it`, async () => {
    await worker.get(clone, '.');
    expect(contentOf(clone, annexed)).toEqual(expected(annexed));
    await worker.fsck(clone);
    await checkClean(sandbox, clone);
  });

  it(`${worker.name} drops a part, and it is still had elsewhere`, async () => {
    await worker.drop(clone, ...PART);
    const gone = PART_FILES.filter((path) => annexed.includes(path));
    expect(contentOf(clone, gone)).toEqual(nothing(gone));
    await checkClean(sandbox, clone);
    const copies = await annexCopies(sandbox, clone);
    for (const path of gone) expect(copies.get(path)?.length, path).toBeGreaterThan(0);
    await worker.get(clone, ...PART);
    expect(contentOf(clone, PART_FILES)).toEqual(expected(PART_FILES));
    await checkClean(sandbox, clone);
  });

  it(`${worker.name} unlocks and locks without a trace`, async () => {
    await worker.unlock(clone, 'plain.dat', 'run.sh');
    expect(lstatSync(join(clone, 'plain.dat')).isFile()).toBe(true);
    expect(lstatSync(join(clone, 'run.sh')).mode & 0o111, 'run.sh stays executable').not.toBe(0);
    await worker.lock(clone, 'plain.dat', 'run.sh');
    expect(lstatSync(join(clone, 'plain.dat')).isSymbolicLink()).toBe(true);
    await checkClean(sandbox, clone);
  });

  it(`${worker.name} edits, adds, removes, saves and pushes`, async () => {
    await worker.unlock(clone, 'plain.dat', 'double.tar.gz');
    appendFileSync(join(clone, 'plain.dat'), 'edited');
    appendFileSync(join(clone, 'double.tar.gz'), 'edited');
    rmSync(join(clone, 'noextension'));
    const added = { 'new folder/neu \u00fc.dat': bytes('neu'), 'new folder/--dashes.dat': bytes('dashes'), 'added.dat': bytes('added') };
    writeFiles(clone, added);
    await worker.save(clone, 'a change');
    files = { ...files, ...added, 'plain.dat': `${files['plain.dat']}edited`, 'double.tar.gz': `${files['double.tar.gz']}edited` };
    annexed = [...(await annexCopies(sandbox, clone)).keys()];
    expect(annexed).toEqual(expect.arrayContaining([...Object.keys(added), 'plain.dat', 'double.tar.gz']));
    expect(annexed).not.toContain('noextension');
    await checkClean(sandbox, clone);
    await worker.push(clone);
    await checkClean(sandbox, clone);
  });

  it(`${maker.name} receives the change`, async () => {
    await maker.update(made);
    expect((await sandbox.git(made, 'rev-parse', 'HEAD^{tree}')).trim()).toBe((await sandbox.git(clone, 'rev-parse', 'HEAD^{tree}')).trim());
    expect(existsSync(join(made, 'noextension'))).toBe(false);
    await maker.get(made, '.');
    expect(contentOf(made, annexed)).toEqual(expected(annexed));
    await checkClean(sandbox, made);
  });

  it(`${maker.name} changes something, ${worker.name} receives it`, async () => {
    writeFileSync(join(made, 'from the maker.dat'), bytes('back'));
    await maker.save(made, 'another change');
    await maker.push(made);
    files = { ...files, 'from the maker.dat': bytes('back') };
    await checkClean(sandbox, made);
    await worker.update(clone);
    await worker.get(clone, 'from the maker.dat');
    expect(contentOf(clone, ['from the maker.dat'])).toEqual(expected(['from the maker.dat']));
    await checkClean(sandbox, clone);
    annexed = [...annexed, 'from the maker.dat'];
  });

  it('both change at the same time; both changes arrive', async () => {
    writeFileSync(join(made, 'at once by maker.dat'), bytes('maker'));
    await maker.save(made, 'at once, maker');
    await maker.push(made);
    writeFileSync(join(clone, 'at once by worker.dat'), bytes('worker'));
    await worker.save(clone, 'at once, worker');
    await worker.update(clone);
    await worker.push(clone);
    await maker.update(made);
    files = { ...files, 'at once by maker.dat': bytes('maker'), 'at once by worker.dat': bytes('worker') };
    annexed = [...annexed, 'at once by maker.dat', 'at once by worker.dat'];
    await maker.get(made, '.');
    await worker.get(clone, '.');
    expect(contentOf(made, annexed)).toEqual(expected(annexed));
    expect(contentOf(clone, annexed)).toEqual(expected(annexed));
    await checkClean(sandbox, made);
    await checkClean(sandbox, clone);
  });

  it(`${worker.name} works in the clone of ${maker.name}`, async () => {
    await worker.drop(made, ...PART);
    await checkClean(sandbox, made);
    await maker.get(made, ...PART);
    await checkClean(sandbox, made);
    await worker.unlock(made, 'added.dat');
    appendFileSync(join(made, 'added.dat'), ' and edited');
    await maker.save(made, 'unlocked by one, saved by the other');
    await checkClean(sandbox, made);
    await maker.unlock(made, 'with space.dat');
    appendFileSync(join(made, 'with space.dat'), ' and edited');
    await worker.save(made, 'and the other way around');
    files = { ...files, 'added.dat': `${files['added.dat']} and edited`, 'with space.dat': `${files['with space.dat']} and edited` };
    expect(contentOf(made, annexed)).toEqual(expected(annexed));
    await checkClean(sandbox, made);
    await worker.push(made);
    await checkClean(sandbox, made);
    await maker.fsck(made);
    await worker.fsck(made);
  });

  it(`${maker.name} works in the clone of ${worker.name}`, async () => {
    await maker.update(clone);
    await maker.get(clone, '.');
    expect(contentOf(clone, annexed)).toEqual(expected(annexed));
    await checkClean(sandbox, clone);
    await maker.drop(clone, '.');
    const kept = annexed.filter((path) => files[path] !== '');
    expect(contentOf(clone, kept.filter((path) => lstatSync(join(clone, path)).isSymbolicLink()))).toEqual(
      nothing(kept.filter((path) => lstatSync(join(clone, path)).isSymbolicLink())),
    );
    await checkClean(sandbox, clone);
    await worker.get(clone, '.');
    expect(contentOf(clone, annexed)).toEqual(expected(annexed));
    await checkClean(sandbox, clone);
  });

  it('a fresh clone has the whole history and all content', async () => {
    const fresh = sandbox.path('fresh');
    await worker.clone(published, fresh);
    await worker.get(fresh, '.');
    expect(contentOf(fresh, annexed)).toEqual(expected(annexed));
    expect(Object.keys(HARD_FILES).every((path) => path === 'noextension' || annexed.includes(path) || existsSync(join(fresh, path)))).toBe(true);
    await checkClean(sandbox, fresh);
  });
}
