import type { StatusInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { paths, recursive } from '../options.ts';

export const status: Command = defineCommand<StatusInput>({
  name: 'status',
  group: 'Work',
  summary: 'show what is new, changed or gone since the last save',
  fields: { paths: paths('where to look; the whole dataset when there is none'), recursive },
  examples: [
    { command: 'dstore status', means: 'one line for every difference' },
    { command: 'dstore status -r derivatives', means: 'in one folder, nested datasets included' },
  ],
  errors: ['NOT_A_DATASET', 'PATH_UNKNOWN', 'GIT_CORRUPT'],
  showsRecords: true,
  load: async () => (await import('../../ops/status.ts')).status,
});
