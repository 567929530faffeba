import { defineErrors } from '@sampan/base';

export const pgproxyErrors = defineErrors({
  PGPROXY_OPTIONS_INVALID: {
    family: 'user',
    summary: 'An option of the proxy is missing, of the wrong type or outside its range.',
  },
  PGPROXY_SHARES_EXCEED_POOL: {
    family: 'user',
    summary: 'The guaranteed shares of the components add up to more than the server connections.',
  },
  PGPROXY_CONFIG_UNREADABLE: {
    family: 'user',
    summary: 'The file named by --config cannot be read or is not JSON.',
  },
  PGPROXY_TLS_INVALID: {
    family: 'user',
    summary: 'The certificate or the key in tls cannot be used.',
  },
  PGPROXY_PORT_BUSY: {
    family: 'environment',
    summary: 'Another process listens on a port the proxy was told to use.',
  },
  PGPROXY_LISTEN_FAILED: {
    family: 'environment',
    summary: 'The proxy may not or cannot listen on the given address.',
  },
});
