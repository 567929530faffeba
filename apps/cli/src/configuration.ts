import { readFile } from 'node:fs/promises';
import { messageOf, systemCodeOf } from '@sampan/base';
import { type LoadedConfig, requireConfig } from '@sampan/config';
import { devstackErrors } from '@sampan/devstack';

/** A faultless configuration and the name of its file. */
export interface Configuration extends LoadedConfig {
  readonly path: string;
}

/** Reads the named file, or `sampan.yaml` of the present folder; without one every option has its default. */
export async function readConfiguration(named: string | undefined): Promise<Configuration> {
  const path = named ?? 'sampan.yaml';
  let text = '';
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (named !== undefined || systemCodeOf(error) !== 'ENOENT') {
      throw devstackErrors.create('DEVSTACK_FILE_UNREADABLE', {
        message: `cannot read the configuration ${path}: ${messageOf(error)}`,
        hint: 'name an existing file with --config, or leave the option out',
        cause: error,
      });
    }
  }
  return { path, ...requireConfig({ path, text, environment: process.env }) };
}
