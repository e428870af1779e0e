import type { DropInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, selection } from '../options.ts';

export const drop: Command = defineCommand<DropInput>({
  name: 'drop',
  group: 'Content',
  summary: 'remove content that can be had again',
  description: ['Content goes only when enough other copies were verified just now (annex.numcopies, annex.mincopies, required content).'],
  fields: {
    ...selection,
    from: { as: 'option', value: 'text', placeholder: 'REMOTE', complete: 'remote', summary: 'remove from this remote instead of from here' },
    force: { as: 'option', value: 'flag', summary: 'do not verify other copies: the last copy may be lost' },
    dryRun,
  },
  examples: [
    { command: 'dstore drop sub-01', means: 'free the space of a folder' },
    { command: 'dstore drop --larger 1GB', means: 'only big files' },
    { command: 'dstore drop --from usb-disk --in store', means: 'from a remote, what the store has too' },
  ],
  errors: ['DROP_UNSAFE', 'REQUIRED_CONTENT', 'MODIFIED', 'LOCKED', 'REMOTE_UNAVAILABLE', 'REMOTE_READONLY', 'STORE_VERSION'],
  showsRecords: false,
  load: async () => (await import('../../ops/drop.ts')).drop,
});
