import type { LogInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { paths } from '../options.ts';

export const log: Command = defineCommand<LogInput>({
  name: 'log',
  group: 'Look',
  summary: 'show what was saved, newest first',
  fields: {
    paths: paths('only saves that changed these'),
    count: { as: 'option', value: 'count', short: 'n', summary: 'at most this many' },
  },
  examples: [
    { command: 'dstore log -n 5', means: 'the last five' },
    { command: 'dstore log sub-01/anat', means: 'what happened to a folder' },
  ],
  errors: ['NOT_A_DATASET', 'GIT_CORRUPT'],
  showsRecords: true,
  load: async () => (await import('../../ops/log.ts')).log,
});
