import type { WhereisInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { selection } from '../options.ts';

export const whereis: Command = defineCommand<WhereisInput>({
  name: 'whereis',
  group: 'Look',
  summary: 'show which places have the content of files',
  description: ['From the location log: what was last known, without asking anybody. With -v, UUIDs and descriptions.'],
  fields: { ...selection },
  examples: [
    { command: 'dstore whereis sub-01', means: 'one line per file' },
    { command: 'dstore whereis --json --not-in store', means: 'what the store lacks, for a program' },
  ],
  errors: ['PATH_UNKNOWN', 'NO_ANNEX', 'REMOTE_UNKNOWN'],
  showsRecords: true,
  load: async () => (await import('../../ops/whereis.ts')).whereis,
});
