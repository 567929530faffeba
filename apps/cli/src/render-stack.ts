import type { Addresses } from '@sampan/devstack';
import { renderTable } from './render-table.ts';

/** Addresses and credentials of a running stack. The credentials open nothing outside this machine. */
export function renderAddresses({ postgres, proxy, components, sls }: Addresses): string {
  const rows: string[][] = [
    [
      'PostgreSQL',
      `${postgres.host}:${postgres.port}`,
      `user ${postgres.user}, password ${postgres.password}, databases ${postgres.databases.join(' ')}`,
    ],
  ];
  if (proxy !== undefined) {
    rows.push([
      'pool proxy',
      `${proxy.host}:${proxy.port}`,
      'same user and password; database pgproxy is its console',
    ]);
    for (const { name, port, database } of components) {
      rows.push([`  ${name}`, `${proxy.host}:${port}`, `database ${database}`]);
    }
  }
  if (sls !== undefined) {
    const { endpoint } = sls;
    rows.push(
      ['SLS over HTTP', `http://${sls.host}:${sls.httpPort}`, `project ${sls.project}, region ${sls.region}`],
      [
        'SLS over PostgreSQL',
        `${sls.host}:${sls.pgPort}`,
        `database ${sls.project}, user and password: the access key`,
      ],
      ['  access key id', sls.accessKeyId],
      ['  access key secret', sls.accessKeySecret],
      [
        '  endpoint for Dify',
        endpoint.text,
        endpoint.pgMode
          ? 'HTTP at port 80, PostgreSQL at 5432'
          : 'HTTP only; PostgreSQL mode needs port 5432',
      ],
    );
  }
  return renderTable(rows);
}
