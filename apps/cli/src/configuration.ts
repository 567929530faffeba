import { readFile } from 'node:fs/promises';
import { systemCodeOf } from '@sampan/base';
import { type LoadedConfig, requireConfig } from '@sampan/config';

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
    if (named !== undefined || systemCodeOf(error) !== 'ENOENT') throw error;
  }
  return { path, ...requireConfig({ path, text, environment: process.env }) };
}
