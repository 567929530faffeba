import { createSecureContext, type SecureContext } from 'node:tls';
import {
  type Clock,
  createLifecycle,
  type Lifecycle,
  type Log,
  messageOf,
  silentLog,
  systemClock,
  systemCodeOf,
} from '@sampan/base';
import { sqlstates } from '@sampan/pg-wire';
import { AdminConsole, adminDatabases } from './admin/console.ts';
import type { AdminView } from './admin/tables.ts';
import { TotalsBook } from './admin/totals.ts';
import { AccessRules } from './client/access-rules.ts';
import { assignComponent } from './client/assign-component.ts';
import { Authenticator } from './client/authenticator.ts';
import { channelBindingOf } from './client/channel-binding.ts';
import { ClientLogin, type Identified } from './client/client-login.ts';
import { ClientSession } from './client/client-session.ts';
import { HolderWatch } from './client/holder-watch.ts';
import { PasswordBook } from './client/verify-password.ts';
import { pgproxyErrors } from './errors.ts';
import { metricsText, serveMetrics } from './metrics.ts';
import { Operation } from './operation.ts';
import {
  type ComponentShare,
  defaultComponentName,
  type PgProxyOptions,
  type ResolvedOptions,
  resolveOptions,
  sharesOf,
} from './options.ts';
import { StatementRegistry } from './prepared/statements.ts';
import type { Component } from './schedule/scheduler.ts';
import { AuthQuery } from './server/auth-query.ts';
import { Connector } from './server/connector.ts';
import type { Borrower } from './server/pool.ts';
import { type ChangeableOptions, ServerPools } from './server/server-pools.ts';
import { ProfileTable } from './settings/profile.ts';
import { netTransports } from './transport/net-transport.ts';
import { openTransports } from './transport/open-transports.ts';
import type { Accept, TransportListener, Transports } from './transport/transport.ts';

/** Counts that are exact whenever no callback is running. */
export interface PgProxyCounts {
  /** Clients past their login. */
  readonly clients: number;
  readonly clientsWaiting: number;
  /** Connections to PostgreSQL that exist, are being opened or are being closed. */
  readonly servers: number;
  readonly serversIdle: number;
  /** Shares in use, which includes servers that are being cleaned. */
  readonly sharesInUse: number;
}

/** A running proxy. */
export interface PgProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Ports of the components that have one of their own. */
  readonly componentPorts: Readonly<Record<string, number>>;
  /** Where `GET /metrics` is answered, if `metrics` is given. */
  readonly metricsPort: number | undefined;
  counts(): PgProxyCounts;
  /** Takes new options over without ending a client; what says where to listen stays. Rejects bad ones whole. */
  reload(options: PgProxyOptions): Promise<void>;
  /** Tells the clients, closes everything. May be called twice. */
  stop(): Promise<void>;
}

/** What is not data. */
export interface PgProxyEnvironment {
  readonly clock?: Clock;
  readonly log?: Log;
  /** Where RELOAD reads the options again. */
  readonly readOptions?: () => Promise<PgProxyOptions>;
  /** What SHUTDOWN does; by default it stops the proxy. */
  readonly shutdown?: () => void;
}

const version = '0.1.0';
/** Connections beyond the clients' limit that may be open before login, so that cancel requests get through. */
const loginReserve = 64;

/** Starts the proxy. Resolves when every port accepts connections; PostgreSQL need not be up yet. */
export async function startPgProxy(
  options: PgProxyOptions,
  environment: PgProxyEnvironment = {},
): Promise<PgProxy> {
  const resolved = resolveOptions(options);
  const transports = await openTransports(resolved.transport, environment.log ?? silentLog);
  const proxy = new RunningProxy(resolved, transports, environment);
  try {
    await proxy.listen();
  } catch (error) {
    await proxy.stop();
    throw error;
  }
  return proxy;
}

class RunningProxy implements PgProxy {
  readonly host: string;
  port = 0;
  readonly componentPorts: Record<string, number> = {};
  metricsPort: number | undefined;
  #options: ResolvedOptions;
  readonly #transports: Transports;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #lifecycle: Lifecycle = createLifecycle();
  #tls: SecureContext | undefined;
  #authenticator: Authenticator;
  readonly #pools: ServerPools;
  readonly #profiles = new ProfileTable();
  /** Also those of components that are gone, for the clients they still have. */
  #shares: ReadonlyMap<string, ComponentShare>;
  readonly #operation: Operation;
  readonly #totals: TotalsBook;
  readonly #listeners: TransportListener[] = [];
  readonly #whenEmpty = new Set<() => void>();
  readonly #registry = new StatementRegistry(10_000);
  readonly #logins = new Set<ClientLogin>();
  readonly #clients = new Set<ClientSession>();
  readonly #clientsById = new Map<number, ClientSession>();
  readonly #consoles = new Set<AdminConsole>();
  readonly #portOwners = new Map<number, string>();
  readonly #watch: HolderWatch;
  #lastId = Math.floor(Math.random() * 0x3fff_ffff);

  constructor(options: ResolvedOptions, transports: Transports, environment: PgProxyEnvironment) {
    this.#transports = transports;
    this.#options = options;
    this.host = options.listen.host;
    this.#clock = environment.clock ?? systemClock;
    this.#log = environment.log ?? silentLog;
    this.#tls = secureContextOf(options.tls);
    this.#authenticator = this.#authenticatorOf(options);
    const shares = sharesOf(options);
    this.#shares = new Map(shares.map((share) => [share.name, share]));
    this.#pools = new ServerPools({
      ...this.#serverOptions(options),
      shares,
      profiles: this.#profiles,
      clock: this.#clock,
      log: this.#log,
    });
    this.#watch = new HolderWatch({
      clients: this.#clients,
      shares: () => this.#shares.values(),
      shareOf: (client) => this.#shareOf(client.component.share.name),
      clock: this.#clock,
      queryIsLate: (client, share) => client.cancelBecause(lateQuery(share)),
      transactionIsIdle: (client, share) =>
        client.fail(sqlstates.idleInTransactionSessionTimeout, idleTransaction(share)),
    });
    this.#totals = new TotalsBook(this.#pools, this.#clock);
    const { readOptions, shutdown } = environment;
    this.#operation = new Operation({
      pools: this.#pools,
      clients: this.#clients,
      reload: readOptions === undefined ? undefined : async () => this.reload(await readOptions()),
      shutdown: shutdown ?? (() => void this.stop()),
      stopListening: () => this.#stopListening(),
      whenEmpty: () => this.#untilEmpty(),
    });
    // After the connections: a ring still has to report that they are closed.
    this.#lifecycle.defer('transports', () => this.#transports.stop());
    this.#lifecycle.defer('connections', () => this.#closeConnections());
  }

  async listen(): Promise<void> {
    this.port = await this.#listenOn(this.#options.listen.port, 'listen.port');
    for (const [n, component] of this.#options.components.entries()) {
      if (component.listenPort === undefined) continue;
      const port = await this.#listenOn(component.listenPort, `components.${n}.listenPort`);
      this.componentPorts[component.name] = port;
      this.#portOwners.set(port, component.name);
    }
    await this.#listenForMetrics();
    this.#watch.start();
    this.#totals.start();
    this.#log.info({ host: this.host, port: this.port, components: this.componentPorts }, 'listening');
  }

  counts(): PgProxyCounts {
    let clientsWaiting = 0;
    let serversIdle = 0;
    for (const client of this.#clients) if (client.isWaiting) clientsWaiting++;
    for (const pool of this.#pools.pools.values()) serversIdle += pool.idle.length;
    return {
      clients: this.#clients.size,
      clientsWaiting,
      servers: this.#pools.open,
      serversIdle,
      sharesInUse: this.#pools.scheduler.inUse,
    };
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #listenOn(port: number, option: string): Promise<number> {
    // TLS towards clients is Node's, on sockets of Node.
    const transports = this.#tls === undefined ? this.#transports : netTransports;
    const listener = await transports
      .listen({
        host: this.host,
        port,
        accepted: (accept) => this.#accept(accept),
        failed: (error) => this.#log.error({ reason: error.message }, 'accepting connections failed'),
      })
      .catch((error: unknown) => {
        throw error instanceof Error ? listenError(error, { host: this.host, port, option }) : error;
      });
    this.#listeners.push(listener);
    this.#lifecycle.defer('listener', () => listener.stop());
    return listener.port;
  }

  async #listenForMetrics(): Promise<void> {
    const { metrics } = this.#options;
    if (metrics === undefined) return;
    const { host, port } = metrics;
    const text = (): string => metricsText(this.#view());
    const serving = await serveMetrics({ host, port, text }).catch((error: unknown) => {
      throw error instanceof Error ? listenError(error, { host, port, option: 'metrics.port' }) : error;
    });
    this.#lifecycle.defer('metrics', () => serving.stop());
    this.metricsPort = serving.port;
  }

  #stopListening(): void {
    for (const listener of this.#listeners) listener.stop();
  }

  #untilEmpty(): Promise<void> {
    if (this.#clients.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenEmpty.add(resolve));
  }

  async reload(options: PgProxyOptions): Promise<void> {
    const next = resolveOptions(options);
    const tls = secureContextOf(next.tls);
    const have = this.#options;
    if (JSON.stringify(portsOf(next)) !== JSON.stringify(portsOf(have))) {
      this.#log.warn({}, 'listen addresses changed in the options; they need a restart');
    }
    const isSameServer = JSON.stringify(connectionOf(next)) === JSON.stringify(connectionOf(have));
    const shares = sharesOf(next);
    this.#options = { ...next, listen: have.listen };
    this.#tls = tls;
    this.#authenticator = this.#authenticatorOf(next);
    this.#shares = new Map([...this.#shares, ...shares.map((share) => [share.name, share] as const)]);
    const changed = this.#serverOptions(next);
    this.#pools.change(isSameServer ? { ...changed, connector: this.#pools.connector } : changed, shares);
    this.#watch.start();
    this.#log.info({}, 'options reloaded');
  }

  #accept(accept: Accept): void {
    const { clientConnectionsMax, startupTimeoutMs } = this.#options;
    const isFull = (): string | undefined =>
      this.#clients.size < clientConnectionsMax
        ? undefined
        : `sorry, too many clients already: the limit is ${clientConnectionsMax} (clientConnectionsMax)`;
    const login: ClientLogin = new ClientLogin(accept, {
      authenticator: this.#authenticator,
      tls: this.#tls,
      timeoutMs: startupTimeoutMs,
      clock: this.#clock,
      isFull,
      identified: (client) => this.#admit(client, isFull()),
      cancel: (processId, secretKey) => this.#cancel(processId, secretKey),
      over: () => this.#logins.delete(login),
    });
    this.#logins.add(login);
    const perAddressMax = this.#options.connectionsPerAddressMax;
    if (perAddressMax !== undefined && this.#connectionsFrom(login.remoteAddress) > perAddressMax) {
      login.fail(
        sqlstates.tooManyConnections,
        `too many connections from ${login.remoteAddress}: the limit is ${perAddressMax} (connectionsPerAddressMax)`,
      );
    }
    if (this.#clients.size + this.#logins.size > clientConnectionsMax + loginReserve) {
      login.fail(sqlstates.tooManyConnections, isFull() ?? 'sorry, too many connections are logging in');
    }
  }

  #connectionsFrom(address: string): number {
    let count = 0;
    for (const login of this.#logins) if (login.remoteAddress === address) count++;
    for (const client of this.#clients) if (client.transport.remoteAddress === address) count++;
    return count;
  }

  #admit(client: Identified, refusal: string | undefined): void {
    if (adminDatabases.has(client.database)) {
      this.#openConsole(client);
      return;
    }
    const { user, database, transport, parameters } = client;
    const componentName = assignComponent(
      {
        port: transport.localPort,
        user: user.name,
        database,
        applicationName: parameters.get('application_name') ?? '',
      },
      this.#options.components,
      this.#portOwners,
    );
    const share = this.#shareOf(componentName ?? defaultComponentName);
    const session: ClientSession = new ClientSession({
      client,
      processId: this.#nextId(),
      pools: this.#pools,
      pool: this.#pools.pool({ database, ...this.#serverLogin(user) }),
      component: this.#component(componentName ?? defaultComponentName),
      registry: this.#registry,
      profiles: this.#profiles,
      limits: {
        statementBytesMax: this.#options.statementBytesMax,
        preparedMax: this.#options.preparedStatementsMax,
        clientStatementsMax: this.#options.clientStatementsMax,
        frameBytesMax: this.#options.frameBytesMax,
      },
      poolMode: user.poolMode ?? share.poolMode ?? this.#options.poolMode,
      pinning: this.#options.pinning,
      clock: this.#clock,
      log: this.#log,
      over: (ended) => {
        this.#clients.delete(ended);
        this.#clientsById.delete(ended.processId);
        if (this.#clients.size === 0) for (const resolve of this.#whenEmpty) resolve();
      },
    });
    this.#clients.add(session);
    this.#clientsById.set(session.processId, session);
    if (refusal !== undefined) session.fail(sqlstates.tooManyConnections, refusal);
    else if (this.#operation.isDisabled(database)) {
      session.fail(sqlstates.cannotConnectNow, `database "${database}" is disabled (ENABLE)`);
    } else session.start();
  }

  #serverLogin(user: ResolvedOptions['users'][number]): { user: string; password: string | undefined } {
    const { server } = this.#options;
    if (user.serverUser !== undefined || user.serverPassword !== undefined) {
      const name = user.serverUser ?? user.name;
      const shared = name === server.user ? server.password : undefined;
      return { user: name, password: user.serverPassword ?? shared ?? user.password };
    }
    if (server.user !== undefined) return { user: server.user, password: server.password };
    return { user: user.name, password: server.password ?? user.password };
  }

  #authenticatorOf({ users, hba, authQuery, tls, server }: ResolvedOptions): Authenticator {
    return new Authenticator({
      passwords: new PasswordBook(users),
      rules: hba === undefined ? undefined : new AccessRules(hba),
      channelBinding: tls === undefined ? undefined : channelBindingOf(tls.cert),
      authQuery:
        authQuery === undefined
          ? undefined
          : new AuthQuery({
              ...authQuery,
              credentials: {
                user: authQuery.user,
                password: authQuery.password,
                database: authQuery.database,
              },
              connector: () => this.#pools.connector,
              timeoutMs: server.connectTimeoutMs,
              clock: this.#clock,
            }),
    });
  }

  #serverOptions({ server }: ResolvedOptions): ChangeableOptions {
    const { connect } = this.#transports;
    const hosts = [{ host: server.host, port: server.port }, ...server.otherHosts];
    const connector = new Connector({
      addresses: hosts.map(({ host, port }) => ({ host, port, connect })),
      tls: server.tls,
      target: server.targetSession,
      protocolMinor: server.protocol === '3.2' ? 2 : 0,
      connectTimeoutMs: server.connectTimeoutMs,
      clock: this.#clock,
    });
    const { connections, idleTimeoutMs, resetTimeoutMs, lifetimeMs, checkQuery, checkDelayMs } = server;
    return { connector, connections, idleTimeoutMs, resetTimeoutMs, lifetimeMs, checkQuery, checkDelayMs };
  }

  #shareOf(name: string): ComponentShare {
    const found = this.#shares.get(name);
    if (found !== undefined) return found;
    throw new Error(`no component is named ${name}`);
  }

  #component(name: string): Component<Borrower> {
    const found = this.#pools.scheduler.components.find((one) => one.share.name === name);
    if (found !== undefined) return found;
    throw new Error(`no component is named ${name}`);
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId + 1) & 0x7fff_ffff;
    while (this.#lastId === 0 || this.#clientsById.has(this.#lastId));
    return this.#lastId;
  }

  #cancel(processId: number, secretKey: Buffer): void {
    const client = this.#clientsById.get(processId);
    if (client?.secretKey.equals(secretKey) === true) client.cancel();
  }

  #openConsole(client: Identified): void {
    const console: AdminConsole = new AdminConsole(client, this.#view(), () =>
      this.#consoles.delete(console),
    );
    this.#consoles.add(console);
    if (this.#mayLook(client.user.name)) console.start();
    else {
      console.fail(
        sqlstates.insufficientPrivilege,
        `user "${client.user.name}" may not use the admin console (adminUsers, statsUsers)`,
      );
    }
  }

  #mayLook(user: string): boolean {
    const { adminUsers, statsUsers } = this.#options;
    if (adminUsers === undefined && statsUsers === undefined) return true;
    return adminUsers?.includes(user) === true || statsUsers?.includes(user) === true;
  }

  #view(): AdminView {
    return {
      pools: this.#pools,
      clients: this.#clients,
      options: () => this.#options,
      operation: this.#operation,
      totals: this.#totals,
      mayChange: (user) => this.#options.adminUsers?.includes(user) === true,
      nowMs: () => this.#clock.nowMs(),
      monotonicMs: () => this.#clock.monotonicMs(),
      poolMode: () => this.#options.poolMode,
      version,
    };
  }

  async #closeConnections(): Promise<void> {
    const code = sqlstates.adminShutdown;
    const message = 'terminating connection due to administrator command';
    for (const login of this.#logins) login.fail(code, message);
    for (const console of this.#consoles) console.fail(code, message);
    const clients = [...this.#clients];
    for (const client of clients) client.fail(code, message);
    this.#watch.stop();
    this.#totals.stop();
    await this.#pools.stop();
    // What the kernel took is sent; who does not read it is not waited for.
    await new Promise((resolve) => setImmediate(resolve));
    for (const client of clients) client.transport.destroy();
    for (const console of this.#consoles) console.destroy();
  }
}

/** Where the proxy listens: the one thing a reload does not change. */
function portsOf({ listen, metrics, components }: ResolvedOptions): unknown {
  return [listen, metrics, components.map(({ name, listenPort }) => [name, listenPort])];
}

/** What decides which PostgreSQL is reached, and how. */
function connectionOf({ server }: ResolvedOptions): unknown {
  const { host, port, otherHosts, targetSession, protocol, tls, connectTimeoutMs } = server;
  return [host, port, otherHosts, targetSession, protocol, tls, connectTimeoutMs];
}

function lateQuery(share: ComponentShare): string {
  return `canceling statement due to the time-out of component "${share.name}": ${share.queryTimeoutMs} ms (queryTimeoutMs)`;
}

function idleTransaction(share: ComponentShare): string {
  return `terminating connection due to the idle-in-transaction time-out of component "${share.name}": ${share.idleTransactionTimeoutMs} ms (idleTransactionTimeoutMs)`;
}

function secureContextOf(tls: ResolvedOptions['tls']): SecureContext | undefined {
  if (tls === undefined) return undefined;
  try {
    return createSecureContext({ cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw pgproxyErrors.create('PGPROXY_TLS_INVALID', {
      message: `tls.cert and tls.key cannot be used: ${messageOf(error)}`,
      hint: 'Give a certificate and its key as PEM text.',
      cause: error,
    });
  }
}

function listenError(error: Error, place: { host: string; port: number; option: string }): Error {
  const where = `${place.host}:${place.port}`;
  if (systemCodeOf(error) === 'EADDRINUSE') {
    return pgproxyErrors.create('PGPROXY_PORT_BUSY', {
      message: `another process listens on ${where}, which ${place.option} names`,
      hint: `Stop that process or change ${place.option}; 0 takes any free port.`,
      cause: error,
    });
  }
  return pgproxyErrors.create('PGPROXY_LISTEN_FAILED', {
    message: `cannot listen on ${where}, which ${place.option} names: ${error.message}`,
    hint: `Change listen.host or ${place.option}.`,
    cause: error,
  });
}
