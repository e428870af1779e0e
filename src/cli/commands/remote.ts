import type { RemoteListInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';

export const remoteList: Command = defineCommand<RemoteListInput>({
  name: 'remote list',
  group: 'Stores and remotes',
  summary: 'list the places this clone knows',
  fields: {},
  examples: [{ command: 'dstore remote list', means: 'name, type, where, cost and trust of each' }],
  errors: ['NOT_A_DATASET', 'NO_ANNEX'],
  showsRecords: true,
  load: async () => (await import('../../ops/remote-list.ts')).remoteList,
});
