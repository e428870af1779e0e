import type { FsckInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, selection } from '../options.ts';

export const fsck: Command = defineCommand<FsckInput>({
  name: 'fsck',
  group: 'Content',
  summary: 'check content against its keys, and repair what the log says',
  description: ['Content that does not match is set aside, never deleted.'],
  fields: {
    ...selection,
    fast: { as: 'option', value: 'flag', summary: 'presence and size only, not the bytes' },
    from: { as: 'option', value: 'text', placeholder: 'REMOTE', complete: 'remote', summary: 'check what this remote has instead of what is here' },
    dryRun,
  },
  examples: [
    { command: 'dstore fsck', means: 'everything here, byte by byte' },
    { command: 'dstore fsck --fast --from store', means: 'is all there that should be' },
  ],
  errors: ['CONTENT_CORRUPT', 'REMOTE_UNKNOWN', 'REMOTE_UNAVAILABLE', 'GIT_CORRUPT'],
  showsRecords: false,
  load: async () => (await import('../../ops/fsck.ts')).fsck,
});
