/** Addresses of Dify's parts that the edge forwards to. */
export interface EdgeRoutes {
  readonly api: string;
  readonly web: string;
  readonly pluginDaemon: string | undefined;
  readonly apiWebsocket: string | undefined;
  readonly port: number;
  readonly bodyMax: string;
  readonly readTimeout: string;
}

/** Paths that Dify's api answers. */
const apiPaths = ['/console/api', '/api', '/v1', '/files', '/mcp', '/triggers', '/openapi'] as const;

/** The nginx configuration of Dify's edge: api paths to the api, hooks to the plugin daemon, the rest to the web. */
export function difyEdgeConfig(routes: EdgeRoutes): string {
  const forward = (path: string, to: string, extra: readonly string[] = []): string[] => [
    `        location ${path} {`,
    `            proxy_pass ${to};`,
    ...extra.map((line) => `            ${line}`),
    '        }',
  ];
  const locations = [
    ...(routes.apiWebsocket === undefined
      ? []
      : forward('/socket.io/', `http://${routes.apiWebsocket}:5001`, [
          'proxy_set_header Upgrade $http_upgrade;',
          'proxy_set_header Connection "upgrade";',
        ])),
    ...apiPaths.flatMap((path) => forward(path, `http://${routes.api}:5001`)),
    ...(routes.pluginDaemon === undefined
      ? []
      : forward('/e/', `http://${routes.pluginDaemon}:5002`, [
          'proxy_set_header Dify-Hook-Url $scheme://$host$request_uri;',
        ])),
    ...forward('/', `http://${routes.web}:3000`),
  ];
  return `${[
    'worker_processes auto;',
    'pid /var/run/nginx.pid;',
    'events {',
    '    worker_connections 4096;',
    '}',
    'http {',
    '    include /etc/nginx/mime.types;',
    '    default_type application/octet-stream;',
    '    access_log /dev/stdout;',
    '    error_log /dev/stderr;',
    '    sendfile on;',
    '    keepalive_timeout 65;',
    `    client_max_body_size ${routes.bodyMax};`,
    '    server {',
    `        listen ${routes.port};`,
    '        server_name _;',
    '        proxy_http_version 1.1;',
    '        proxy_set_header Host $host;',
    '        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    '        proxy_set_header X-Forwarded-Proto $scheme;',
    '        proxy_set_header X-Forwarded-Port $server_port;',
    '        proxy_set_header Connection "";',
    '        # Answers are streamed to the browser as they arise.',
    '        proxy_buffering off;',
    `        proxy_read_timeout ${routes.readTimeout};`,
    `        proxy_send_timeout ${routes.readTimeout};`,
    ...locations,
    '    }',
    '}',
  ].join('\n')}\n`;
}

/** The squid configuration of Dify's egress proxy: the outside and the sandbox, nothing else inside. */
export function egressProxyConfig(options: { port: number; sandbox: string | undefined }): string {
  const inside = [
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    '100.64.0.0/10',
    '169.254.0.0/16',
    '127.0.0.0/8',
  ];
  return `${[
    `http_port ${options.port}`,
    'access_log stdio:/dev/stdout',
    'cache_log /dev/stderr',
    'cache deny all',
    'coredump_dir /var/spool/squid',
    'acl clients src 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16',
    'acl web_ports port 80 443 8194',
    ...(options.sandbox === undefined
      ? []
      : [`acl sandbox dstdomain ${options.sandbox}`, 'http_access allow clients sandbox']),
    `acl inside dst ${inside.join(' ')}`,
    'http_access deny !web_ports',
    'http_access deny inside',
    'http_access allow clients',
    'http_access deny all',
  ].join('\n')}\n`;
}
