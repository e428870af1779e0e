import type { UpdateInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, recursive } from '../options.ts';

export const update: Command = defineCommand<UpdateInput>({
  name: 'update',
  group: 'Work',
  summary: 'take over what others have pushed',
  fields: {
    from: { as: 'option', value: 'text', placeholder: 'REMOTE', complete: 'remote', summary: 'only from this remote; default: all that the branch follows' },
    recursive,
    dryRun,
  },
  examples: [
    { command: 'dstore update', means: 'fetch and merge; content follows with dstore get' },
    { command: 'dstore update --from origin -n', means: 'what would come' },
  ],
  errors: ['MODIFIED', 'CONFLICT', 'REMOTE_UNKNOWN', 'REMOTE_UNAVAILABLE', 'ADJUSTED_BRANCH'],
  showsRecords: false,
  load: async () => (await import('../../ops/update.ts')).update,
});
