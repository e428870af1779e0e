// A store that two people of one group use. The second one is a real user of the machine.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, chownSync, copyFileSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT } from '../support/project.ts';
import { createSandbox } from '../support/sandbox.ts';
import { hasTool, isRequired, isRoot, requireTool } from '../support/tools.ts';

function reasonToSkip(): string | undefined {
  if (!isRoot()) {
    if (isRequired('root')) throw new Error('users can only be added by root, and DSTORE_TEST_REQUIRE asks for it');
    return 'users can only be added by root';
  }
  for (const tool of ['runuser', 'useradd', 'groupadd']) if (!requireTool(tool)) return `${tool} is not installed`;
  try {
    execFileSync('runuser', ['-u', 'nobody', '--', process.execPath, join(PROJECT, 'bin/dstore.js'), '--version'], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'other users cannot run the program of this checkout';
  }
}

const reason = reasonToSkip();

describe.skipIf(reason !== undefined)(`a group-shared store${reason === undefined ? '' : ` (${reason})`}`, () => {
  const sandbox = createSandbox();
  const suffix = randomBytes(3).toString('hex');
  const group = `dsg${suffix}`;
  const users = [`dsa${suffix}`, `dsb${suffix}`] as const;
  const [anna, ben] = users;
  const lab = sandbox.path('lab');
  const store = join(lab, 'store');
  let groupId = 0;

  beforeAll(async () => {
    await sandbox.ok('groupadd', [group]);
    groupId = Number((await sandbox.ok('getent', ['group', group])).split(':')[2]);
    for (const user of users) {
      const home = sandbox.path(user);
      await sandbox.ok('useradd', ['--no-create-home', '--home-dir', home, '--user-group', '--groups', group, '--shell', '/bin/sh', user]);
      mkdirSync(home);
      copyFileSync(sandbox.path('home/.gitconfig'), join(home, '.gitconfig'));
      // git asks everybody who works in repositories of others to say so.
      appendFileSync(join(home, '.gitconfig'), '[safe]\n\tdirectory = *\n');
      const id = Number((await sandbox.ok('id', ['-u', user])).trim());
      const ownGroup = Number((await sandbox.ok('id', ['-g', user])).trim());
      for (const path of [home, join(home, '.gitconfig')]) chownSync(path, id, ownGroup);
    }
    mkdirSync(lab);
    chownSync(lab, 0, groupId);
    chmodSync(lab, 0o2775);
  });

  afterAll(() => {
    for (const user of users) execFileSync('userdel', [user], { stdio: 'ignore' });
    execFileSync('groupdel', [group], { stdio: 'ignore' });
  });

  /** Runs a shell line as one of the users, with the usual umask that gives the group nothing. */
  async function as(user: string, line: string, cwd = sandbox.path(user)): Promise<string> {
    return sandbox.ok('runuser', ['-u', user, '--', 'env', `HOME=${sandbox.path(user)}`, `XDG_CONFIG_HOME=${sandbox.path(user)}/.config`,
      `XDG_CACHE_HOME=${sandbox.path(user)}/.cache`, 'TMPDIR=/tmp', 'sh', '-c', `umask 022; ${line}`], { cwd });
  }
  const dstore = `"${process.execPath}" "${join(PROJECT, 'bin/dstore.js')}"`;

  function foldersWithoutGroup(directory: string): string[] {
    const wrong: string[] = [];
    const visit = (path: string): void => {
      const stat = lstatSync(path);
      if (!stat.isDirectory()) return;
      if (stat.gid !== groupId || (stat.mode & 0o2070) !== 0o2070) wrong.push(`${path} ${(stat.mode & 0o7777).toString(8)} ${stat.gid === groupId ? '' : `group ${stat.gid}`}`);
      for (const name of readdirSync(path)) visit(join(path, name));
    };
    visit(directory);
    return wrong;
  }

  it('one person makes the store and publishes', async () => {
    await as(anna, `${dstore} store init --shared group "${store}"`);
    await as(anna, `${dstore} create data && cd data && printf 'one\\0' > one.dat && mkdir f && printf 'two\\0' > f/two.dat && ${dstore} save -m first && ${dstore} push --to "${store}" --alias data`);
    expect(foldersWithoutGroup(store)).toEqual([]);
  });

  it('the other clones, changes and pushes, content included', async () => {
    await as(ben, `${dstore} clone "${store}#~data" data && cd data && ${dstore} get . && printf 'three\\0' > three.dat && ${dstore} save -m second && ${dstore} push`);
    expect(foldersWithoutGroup(store)).toEqual([]);
  });

  it('the first receives it and pushes again', async () => {
    const content = await as(anna, `cd data && ${dstore} update >/dev/null && ${dstore} get . >/dev/null && tr -d '\\000' < three.dat && printf 'four\\0' > four.dat && ${dstore} save -m third >/dev/null && ${dstore} push >/dev/null`);
    expect(content).toBe('three');
    expect(foldersWithoutGroup(store)).toEqual([]);
  });

  it('the other publishes a dataset of theirs under an alias', async () => {
    await as(ben, `${dstore} create mine && cd mine && printf 'mine\\0' > mine.dat && ${dstore} save -m mine && ${dstore} push --to "${store}" --alias mine`);
    expect(foldersWithoutGroup(store)).toEqual([]);
    await as(anna, `${dstore} clone "${store}#~mine" theirs && cd theirs && ${dstore} get mine.dat`);
  });

  it('either may remove what the other put there', async () => {
    await as(ben, `cd data && ${dstore} update && ${dstore} get . && ${dstore} drop --from "$(git config branch.main.remote)" one.dat || true`);
    await as(anna, `cd data && ${dstore} get one.dat && ${dstore} push`);
    expect(foldersWithoutGroup(store)).toEqual([]);
  });

  it.skipIf(!hasTool('datalad'))('DataLad of the other pushes content, too', async () => {
    await as(ben, `datalad clone "ria+file://${store}#~data" by-datalad && cd by-datalad && printf 'dl\\0' > by-datalad.dat && datalad save -m datalad && datalad push --to origin`);
    const content = await as(anna, `cd data && ${dstore} update >/dev/null && ${dstore} get by-datalad.dat >/dev/null && tr -d '\\000' < by-datalad.dat`);
    expect(content).toBe('dl');
  });
});
