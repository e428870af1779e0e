import type { InfoInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';

export const info: Command = defineCommand<InfoInput>({
  name: 'info',
  group: 'Look',
  summary: 'show facts about the dataset, a file, a folder or a remote',
  fields: {
    target: { as: 'positional', placeholder: 'TARGET', many: false, required: false, complete: 'path', summary: 'a path or a remote; the dataset when left out' },
  },
  examples: [
    { command: 'dstore info', means: 'the dataset' },
    { command: 'dstore info sub-01', means: 'files and bytes of a folder, and how many are here' },
  ],
  errors: ['NOT_A_DATASET', 'PATH_UNKNOWN'],
  showsRecords: true,
  load: async () => (await import('../../ops/info.ts')).info,
});
