import type { GetInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { dryRun, selection } from '../options.ts';

export const get: Command = defineCommand<GetInput>({
  name: 'get',
  group: 'Content',
  summary: 'fetch the content of files',
  description: [
    'Every byte is checked against its key. What cannot be had in one place is tried in the next; interrupted, the same command continues.',
    'A path inside a nested dataset that is not here yet clones that dataset first.',
  ],
  fields: {
    ...selection,
    from: { as: 'option', value: 'text', placeholder: 'REMOTE', complete: 'remote', summary: 'ask only this remote' },
    noContent: { as: 'option', value: 'flag', summary: 'install nested datasets without their content' },
    dryRun,
  },
  examples: [
    { command: 'dstore get sub-01', means: 'everything in a folder' },
    { command: "dstore get '**/*.nii.gz' --smaller 100MB", means: 'a glob, without the big ones' },
    { command: 'dstore get -n -r .', means: 'what it would take, nested datasets included' },
    { command: 'dstore get -- -odd-name.dat', means: 'a name that begins with a dash' },
  ],
  errors: ['PATH_UNKNOWN', 'CONTENT_UNAVAILABLE', 'CONTENT_CORRUPT', 'REMOTE_UNKNOWN', 'REMOTE_UNAVAILABLE', 'NO_SPACE'],
  showsRecords: false,
  load: async () => (await import('../../ops/get.ts')).get,
});
