import type { LockInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, selection } from '../options.ts';

export const unlock: Command = defineCommand<LockInput>({
  name: 'unlock',
  group: 'Work',
  summary: 'make annexed files editable in place',
  fields: {
    ...selection,
    force: { as: 'option', value: 'flag', summary: 'unlock without content too' },
    dryRun,
  },
  examples: [{ command: 'dstore unlock table.csv', means: 'then edit it, and: dstore save -m "new rows"' }],
  errors: ['PATH_UNKNOWN', 'CONTENT_UNAVAILABLE', 'MODIFIED', 'NO_SPACE'],
  showsRecords: false,
  load: async () => (await import('../../ops/lock.ts')).unlock,
});

export const lock: Command = defineCommand<LockInput>({
  name: 'lock',
  group: 'Work',
  summary: 'make annexed files read-only again',
  fields: {
    ...selection,
    force: { as: 'option', value: 'flag', summary: 'throw away changes that are not saved' },
    dryRun,
  },
  examples: [{ command: 'dstore lock table.csv', means: 'a link into the annex, protected against edits' }],
  errors: ['PATH_UNKNOWN', 'MODIFIED'],
  showsRecords: false,
  load: async () => (await import('../../ops/lock.ts')).lock,
});
