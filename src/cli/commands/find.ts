import type { FindInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { selection } from '../options.ts';

export const find: Command = defineCommand<FindInput>({
  name: 'find',
  group: 'Look',
  summary: 'list files by place, size and name',
  fields: { ...selection },
  display: {
    null: { as: 'option', value: 'flag', short: '0', summary: 'names as they are, each ended by a NUL byte, for xargs -0', group: 'Output' },
  },
  examples: [
    { command: 'dstore find --in here', means: 'what this clone has' },
    { command: 'dstore find --not-in here --larger 1GB', means: 'big files that are elsewhere' },
    { command: "dstore find -0 --in here --include '*.dcm' | xargs -0 dcmdump", means: 'for other programs' },
  ],
  errors: ['PATH_UNKNOWN', 'NO_ANNEX', 'REMOTE_UNKNOWN'],
  showsRecords: true,
  load: async () => (await import('../../ops/find.ts')).find,
});
