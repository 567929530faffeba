import type { Clock, Log } from '@sampan/base';
import type { AccessKey } from './auth/authenticate.ts';

/** An address to listen on. Port 0 picks a free one. */
export interface ListenOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0. */
  readonly port?: number;
}

/** One more address at which the same emulator answers with both protocols. */
export interface ExtraListener {
  readonly host: string;
  readonly httpPort: number;
  readonly pgPort: number;
  /** True: an address that the system refuses (a low port, say) is reported in `Sls.refused`, and is no error. */
  readonly optional: boolean;
}

/** How to start the emulator. Everything but `clock` and `log` is plain data. */
export interface SlsOptions {
  /** Where log, catalogue and index are kept; made when absent. One process at a time. */
  readonly dataDirectory: string;
  readonly http?: ListenOptions;
  /** `false` = no PostgreSQL protocol. */
  readonly pg?: ListenOptions | false;
  readonly extraListeners?: readonly ExtraListener[];
  /** Pairs that may sign; default: one pair made on first start and kept in the data directory. */
  readonly accessKeys?: readonly AccessKey[];
  /** `strict` (default) checks every signature; `any` lets every HTTP request pass. */
  readonly auth?: 'strict' | 'any';
  /** Reported in GetProject; default `cn-hangzhou`. */
  readonly region?: string;
  /** Names of the server itself, beside the built-in ones and every IP address. */
  readonly baseDomains?: readonly string[];
  /** The project of requests that name none. */
  readonly defaultProject?: string;
  /** IANA name; date and time functions of SQL work in it. Default UTC. */
  readonly timeZone?: string;
  /** PEM; default: self-signed, kept in the data directory. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Throw the index away and build it from the log. */
  readonly rebuildIndex?: boolean;
  /** What the index may hold in memory. */
  readonly memoryLimitMb?: number;
  readonly clock?: Clock;
  readonly log?: Log;
}
