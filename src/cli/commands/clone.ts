import type { CloneInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { description } from '../options.ts';

export const clone: Command = defineCommand<CloneInput>({
  name: 'clone',
  group: 'Start',
  summary: 'make a lightweight clone: names and history, content later',
  description: ['File content is not copied. Fetch the part you need with dstore get.'],
  fields: {
    source: {
      as: 'positional', placeholder: 'SOURCE', many: false, required: true, complete: 'store',
      summary: 'STORE#~ALIAS or STORE#ID, with @VERSION for a branch or tag, where STORE is a path, URL or short name; a ria+ URL; any git URL or path',
    },
    directory: { as: 'positional', placeholder: 'DIR', many: false, required: false, complete: 'directory', summary: 'where to; named after the source when left out' },
    description,
  },
  examples: [
    { command: 'dstore clone /data/store#~study', means: 'by alias, into study/' },
    { command: "dstore clone 'ria+file:///data/store#~study@v1.2' frozen", means: 'one version, into frozen/' },
    { command: 'dstore clone https://example.org/study.git', means: 'any git repository with an annex' },
  ],
  errors: ['ALREADY_EXISTS', 'URL_INVALID', 'NOT_A_STORE', 'DATASET_UNKNOWN', 'STORE_VERSION', 'REMOTE_UNAVAILABLE'],
  showsRecords: false,
  load: async () => (await import('../../ops/clone.ts')).clone,
});
