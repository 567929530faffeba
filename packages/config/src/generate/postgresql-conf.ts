import type { Plan } from '../plan/plan.ts';
import type { Config } from '../schema/schema.ts';
import { commentLines, type GeneratedFile, madeBy } from './file.ts';

/** The settings of PostgreSQL that the plan decides, to include in a `postgresql.conf`. */
export function generatePostgresqlConf(config: Config, plan: Plan): GeneratedFile {
  const { reservedConnections } = config.postgres;
  const settings = [
    ['port', config.postgres.port],
    ['max_connections', plan.postgresMaxConnections],
    ['superuser_reserved_connections', Math.min(3, reservedConnections)],
    ['password_encryption', "'scram-sha-256'"],
  ];
  const note = ['', "Include it at the end of postgresql.conf: include '/path/to/this/file'"];
  const lines = settings.map(([name, value]) => `${name} = ${value}\n`).join('');
  return { path: 'postgresql.conf', text: `${commentLines([...madeBy, ...note])}\n${lines}` };
}
