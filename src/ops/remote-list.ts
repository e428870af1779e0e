/** The remotes of a dataset and what is recorded of them. */
import { byKey, selectFiles } from '../dataset/annexed-files.ts';
import { keySize } from '../core/key.ts';
import type { Run } from '../core/run.ts';
import { withDataset } from '../dataset/dataset.ts';
import { readLocations } from '../dataset/locations.ts';
import { readPlaces, trustOf } from '../dataset/places.ts';
import { contentRemotes } from '../dataset/remotes.ts';
import { redactUrl } from '../core/text.ts';
import type { RemoteListInput } from '../core/inputs.ts';

export async function remoteList(input: RemoteListInput, run: Run): Promise<void> {
  await withDataset(input.cwd, run, async (dataset) => {
    const book = await readPlaces(dataset, run);
    const keys = [...byKey((await selectFiles(dataset, { cwd: dataset.top }, run)).files).keys()];
    const locations = await readLocations(dataset, keys, run);
    const withContent = contentRemotes(dataset, book);
    for (const remote of withContent) {
      const recorded = keys.filter((key) => locations.get(key)?.includes(remote.uuid) === true);
      run.report({
        type: 'result', action: 'remote.list', kind: 'remote', status: 'ok', remote: remote.name, dataset: dataset.top,
        details: {
          type: remote.type, where: remote.where, cost: remote.cost, uuid: remote.uuid, trust: trustOf(book, remote.uuid),
          keys: recorded.length, bytes: recorded.reduce((sum, key) => sum + (keySize(key) ?? 0), 0), ...(remote.unusable === undefined ? {} : { unusable: remote.unusable }),
        },
      });
    }
    const { config } = dataset.repo;
    for (const name of config.sections('remote')) {
      const url = config.get(`remote.${name}.url`);
      if (url === undefined || withContent.some((remote) => remote.name === name)) continue;
      const storage = config.get(`remote.${name}.datalad-publish-depends`);
      run.report({
        type: 'result', action: 'remote.list', kind: 'remote', status: 'ok', remote: name, dataset: dataset.top,
        details: { type: 'git', where: redactUrl(url), contentIn: storage ?? null },
      });
    }
  });
}
