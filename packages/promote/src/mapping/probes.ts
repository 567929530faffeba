import type { HealthCheck } from '../compose/model.ts';
import type { WantProbe } from './want.ts';

const local = /^(https?):\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d{1,5}))?(\/[^\s|;&'"]*)?$/;

export interface MappedProbe {
  readonly probe: WantProbe;
  readonly how: 'httpGet' | 'exec' | 'tcpSocket';
}

/**
 * A Compose health check as an SAE probe: a plain curl or wget of a local address is `httpGet`, a command is `exec`.
 * A command that holds one of `secrets` becomes a look at the port, so that no password stands in a template.
 */
export function mapProbe(
  check: HealthCheck,
  options: { readonly ports: readonly number[]; readonly secrets: readonly string[] },
): MappedProbe | undefined {
  if (check.command.length === 0) return undefined;
  const timing = {
    initialDelaySeconds: Math.min(Math.ceil(check.startPeriodSeconds), 300),
    periodSeconds: Math.max(1, Math.ceil(check.intervalSeconds)),
    timeoutSeconds: Math.max(1, Math.ceil(check.timeoutSeconds)),
    failureThreshold: check.retries,
  };
  const httpGet = localUrl(check);
  if (httpGet !== undefined) return { probe: { httpGet, ...timing }, how: 'httpGet' };
  const line = check.command.join(' ');
  const port = options.ports[0];
  if (options.secrets.some((secret) => line.includes(secret))) {
    return port === undefined ? undefined : { probe: { tcpSocket: { port }, ...timing }, how: 'tcpSocket' };
  }
  return { probe: { exec: { command: check.command }, ...timing }, how: 'exec' };
}

function localUrl(check: HealthCheck): WantProbe['httpGet'] | undefined {
  const words = check.isShell ? (check.command[2] ?? '').split(/\s+/) : check.command;
  const tool = words[0]?.split('/').at(-1);
  if (tool !== 'curl' && tool !== 'wget') return undefined;
  const tail = words
    .slice(1)
    .join(' ')
    .replace(/\s*\|\|\s*exit 1\s*$/, '');
  const urls = tail.split(/\s+/).filter((word) => !word.startsWith('-'));
  if (urls.length !== 1 || /[|;&>]/.test(tail)) return undefined;
  const parts = local.exec((urls[0] ?? '').replace(/^['"]|['"]$/g, ''));
  if (parts === null) return undefined;
  const scheme = parts[1] === 'https' ? 'HTTPS' : 'HTTP';
  return { path: parts[3] ?? '/', port: Number(parts[2] ?? (scheme === 'HTTPS' ? 443 : 80)), scheme };
}
