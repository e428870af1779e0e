import type { StoreAddDatasetInput, StoreInitInput, StoreInput, StoreListInput } from '../../core/inputs.ts';
import { defineCommand, type Command, type OnePositional } from '../command.ts';
import { shared } from '../options.ts';

const store: OnePositional = {
  as: 'positional', placeholder: 'STORE', many: false, required: true, complete: 'store', summary: 'a path, a ria+ URL, or a short name',
};

export const storeInit: Command = defineCommand<StoreInitInput>({
  name: 'store init',
  group: 'Stores and remotes',
  summary: 'make a new store with one shard',
  fields: {
    path: { as: 'positional', placeholder: 'PATH', many: false, required: true, complete: 'directory', summary: 'an empty or new folder' },
    name: { as: 'option', value: 'text', placeholder: 'NAME', complete: 'none', summary: 'short name for your commands, kept in your git configuration' },
    shared,
  },
  examples: [
    { command: 'dstore store init /data/store', means: 'for yourself' },
    { command: 'dstore store init /data/store --name lab --shared group', means: 'for a group that calls it lab' },
  ],
  errors: ['ALREADY_EXISTS', 'PERMISSION', 'READ_ONLY'],
  showsRecords: false,
  load: async () => (await import('../../ops/store-init.ts')).storeInit,
});

export const storeInfo: Command = defineCommand<StoreInput>({
  name: 'store info',
  group: 'Stores and remotes',
  summary: 'show facts about a store',
  fields: { store },
  examples: [{ command: 'dstore store info /data/store', means: 'layout, datasets, space' }],
  errors: ['NOT_A_STORE', 'STORE_VERSION', 'STORE_CORRUPT', 'REMOTE_UNAVAILABLE'],
  showsRecords: true,
  load: async () => (await import('../../ops/store-info.ts')).storeInfo,
});

export const storeList: Command = defineCommand<StoreListInput>({
  name: 'store list',
  group: 'Stores and remotes',
  summary: 'list the datasets of a store, or the stores that have a short name',
  fields: { store: { ...store, required: false } },
  examples: [
    { command: 'dstore store list', means: 'your stores' },
    { command: 'dstore store list /data/store', means: 'the datasets in one' },
  ],
  errors: ['NOT_A_STORE', 'STORE_VERSION', 'REMOTE_UNAVAILABLE'],
  showsRecords: true,
  load: async () => (await import('../../ops/store-list.ts')).storeList,
});

export const storeAddDataset: Command = defineCommand<StoreAddDatasetInput>({
  name: 'store add-dataset',
  group: 'Stores and remotes',
  summary: 'prepare a place for this dataset in a store, without sending anything',
  fields: {
    store,
    alias: { as: 'option', value: 'text', placeholder: 'NAME', complete: 'none', summary: 'name of the dataset in the store' },
    shared,
  },
  examples: [{ command: 'dstore store add-dataset /data/store --alias study', means: 'then: dstore push' }],
  errors: ['NOT_A_STORE', 'ALIAS_TAKEN', 'NOT_A_DATASET', 'PERMISSION'],
  showsRecords: false,
  load: async () => (await import('../../ops/store-add-dataset.ts')).storeAddDataset,
});
