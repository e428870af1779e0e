/** Which places are recorded to have the content of files. */
import type { Run } from '../core/run.ts';
import { selectFiles, shownPath } from '../dataset/annexed-files.ts';
import { withDataset } from '../dataset/dataset.ts';
import { readLocations } from '../dataset/locations.ts';
import { forNested } from '../dataset/nested.ts';
import { readPlaces, trustOf } from '../dataset/places.ts';
import type { WhereisInput } from '../core/inputs.ts';

export async function whereis(input: WhereisInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const { files, nested, inGit } = await selectFiles(dataset, input, run);
    const book = await readPlaces(dataset, run);
    const locations = await readLocations(dataset, files.map(({ key }) => key), run);
    const copies = new Map<string, { uuid: string; description: string; here: boolean; trust: string; remote?: string }>();
    const copyAt = (uuid: string): { uuid: string; description: string; here: boolean; trust: string; remote?: string } => {
      let copy = copies.get(uuid);
      if (copy === undefined) {
        const remote = book.remoteNames.get(uuid);
        copy = {
          uuid, description: book.descriptions.get(uuid) ?? '', here: uuid === dataset.uuid, trust: trustOf(book, uuid), ...(remote === undefined ? {} : { remote }),
        };
        copies.set(uuid, copy);
      }
      return copy;
    };
    for (const { path, key } of files) {
      const places = (locations.get(key) ?? []).filter((uuid) => trustOf(book, uuid) !== 'dead').map(copyAt);
      run.report({
        type: 'result', action: 'whereis', kind: 'file', path: shownPath(dataset.prefix, path), key, dataset: dataset.top,
        status: places.length === 0 ? 'error' : 'ok', details: { copies: places },
        ...(places.length === 0 ? { error: { code: 'DSTORE_E_CONTENT_UNAVAILABLE', message: 'no place is recorded to have it' } } : {}),
      });
    }
    for (const path of inGit) {
      run.report({ type: 'result', action: 'whereis', kind: 'file', path: shownPath(dataset.prefix, path), dataset: dataset.top, status: 'notneeded', message: 'kept by git, in every clone' });
    }
    await forNested(dataset, nested, input, { install: false, dryRun: false }, run, async (nestedInput, nestedRun) => await whereis({ ...input, ...nestedInput }, nestedRun));
  });
}
