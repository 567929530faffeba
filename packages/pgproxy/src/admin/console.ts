import {
  clientTags,
  createFramer,
  encodeBackendKeyData,
  encodeCommandComplete,
  encodeDataRow,
  encodeEmptyQueryResponse,
  encodeErrorResponse,
  encodeNoticeResponse,
  encodeParameterStatus,
  encodeReadyForQuery,
  encodeRowDescription,
  type Frame,
  parseQuery,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import type { Identified } from '../client/client-login.ts';
import { OutBatch } from '../protocol/out-batch.ts';
import type { TransportSink } from '../transport/transport.ts';
import { argumentOf, type Command, commands } from './commands.ts';
import {
  showConfig,
  showDatabases,
  showLists,
  showMemory,
  showState,
  showStats,
  showTotals,
  showUsers,
} from './operation-tables.ts';
import {
  type AdminView,
  showClients,
  showComponents,
  showHolders,
  showPools,
  showServers,
  showVersion,
  type Table,
} from './tables.ts';

/** Databases that are the console and not a database. `pgbouncer` is what existing tools ask for. */
export const adminDatabases: ReadonlySet<string> = new Set(['pgproxy', 'pgbouncer']);

const shows: Readonly<Record<string, (view: AdminView) => Table>> = {
  CLIENTS: showClients,
  COMPONENTS: showComponents,
  CONFIG: showConfig,
  DATABASES: showDatabases,
  HOLDERS: showHolders,
  LISTS: showLists,
  MEM: showMemory,
  POOLS: showPools,
  SERVERS: showServers,
  STATE: showState,
  STATS: showStats,
  STATS_TOTALS: showTotals,
  TOTALS: showTotals,
  USERS: showUsers,
  VERSION: showVersion,
};

/** What PgBouncer shows and this proxy has no counterpart for. */
const notShown = new Set([
  'ACTIVE_SOCKETS',
  'DNS_HOSTS',
  'DNS_ZONES',
  'FDS',
  'PEERS',
  'PEER_POOLS',
  'SOCKETS',
]);
const help = [
  `SHOW HELP|${Object.keys(shows).join('|')}`,
  ...Object.values(commands).map(({ usage }) => usage),
];
const queryBytesMax = 64 * 1024;
const textOid = 25;
const int8Oid = 20;

/** One session of the admin console: PgBouncer's commands over the simple protocol. */
export class AdminConsole implements TransportSink {
  readonly #client: Identified;
  readonly #view: AdminView;
  readonly #out: OutBatch;
  readonly #framer = createFramer({ maxFrameBytes: queryBytesMax, expectStartup: false });
  readonly #over: () => void;
  #isSkipping = false;
  #isBusy = false;

  constructor(client: Identified, view: AdminView, over: () => void) {
    this.#client = client;
    this.#view = view;
    this.#out = new OutBatch(client.transport);
    this.#over = over;
  }

  start(): void {
    this.#client.attach(this);
    const parameters = [
      ['server_version', `${this.#view.version}/pgproxy`],
      ['client_encoding', 'UTF8'],
      ['server_encoding', 'UTF8'],
      ['DateStyle', 'ISO'],
      ['TimeZone', 'GMT'],
      ['standard_conforming_strings', 'on'],
      ['is_superuser', 'on'],
    ] as const;
    for (const [name, value] of parameters) this.#out.bytes(encodeParameterStatus(name, value));
    this.#out.bytes(encodeBackendKeyData(0, Buffer.alloc(4)));
    this.#out.bytes(encodeReadyForQuery('I'));
    this.#out.flush();
    this.#take(this.#client.rest);
  }

  data(buffer: Buffer, start: number, end: number): boolean {
    this.#take(Buffer.from(buffer.subarray(start, end)));
    return true;
  }

  drained(): void {}

  closed(): void {
    this.#over();
  }

  /** Ends the session with a fatal error. */
  fail(code: string, message: string): void {
    this.#out.bytes(encodeErrorResponse({ severity: 'FATAL', code, message }));
    this.#out.flush();
    this.#client.transport.end();
  }

  destroy(): void {
    this.#client.transport.destroy();
  }

  #take(bytes: Buffer): void {
    try {
      this.#framer.push(bytes);
      this.#answerAll();
    } catch (error) {
      this.#violated(error);
    }
  }

  #violated(error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    this.fail(error.sqlstate, error.message);
  }

  /** Answers what has arrived, up to a command that takes time: nothing is read until it is done. */
  #answerAll(): void {
    while (!this.#isBusy) {
      const frame = this.#framer.next();
      if (frame === undefined) break;
      this.#answer(frame);
    }
    this.#out.flush();
  }

  #answer(frame: Frame): void {
    if (frame.type === clientTags.terminate) {
      this.#client.transport.end();
    } else if (frame.type === clientTags.sync) {
      this.#isSkipping = false;
      this.#out.bytes(encodeReadyForQuery('I'));
    } else if (frame.type === clientTags.query) {
      const running = this.#guard(() => this.#query(parseQuery(frame.payload)));
      if (running === undefined) this.#out.bytes(encodeReadyForQuery('I'));
      else void this.#finish(running);
    } else if (!this.#isSkipping) {
      this.#isSkipping = true;
      this.#error(sqlstates.featureNotSupported, 'the admin console supports the simple query protocol only');
    }
  }

  /** Runs a query; a refusal is its answer. */
  #guard<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#error(error.sqlstate, error.message);
      return undefined;
    }
  }

  async #finish(running: Promise<string>): Promise<void> {
    this.#isBusy = true;
    this.#client.transport.pause();
    try {
      this.#out.bytes(encodeCommandComplete(await running));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.#error(error.sqlstate, error.message);
    }
    this.#isBusy = false;
    this.#out.bytes(encodeReadyForQuery('I'));
    this.#client.transport.resume();
    try {
      this.#answerAll();
    } catch (error) {
      this.#violated(error);
    }
  }

  /** Answers at once, or returns what will yield the tag of the command. */
  #query(sql: string): Promise<string> | undefined {
    const text = sql.trim().replace(/;\s*$/, '').trim();
    const [word = ''] = text.split(/\s+/);
    const rest = text.slice(word.length).trim();
    const topic = rest.toUpperCase();
    const command = commands[word.toUpperCase()];
    const show = word.toUpperCase() === 'SHOW' ? shows[topic] : undefined;
    if (show !== undefined) {
      this.#table(show(this.#view));
    } else if (word.toUpperCase() === 'SHOW' && topic === 'HELP') {
      this.#help();
    } else if (word.toUpperCase() === 'SHOW' && notShown.has(topic)) {
      throw new WireError(sqlstates.featureNotSupported, `SHOW ${topic} is not supported`);
    } else if (command !== undefined) {
      return this.#run(word.toUpperCase(), command, rest);
    } else if (word === '') {
      this.#out.bytes(encodeEmptyQueryResponse());
    } else {
      throw new WireError(sqlstates.syntaxError, `invalid command '${sql.trim()}', use SHOW HELP;`);
    }
    return undefined;
  }

  async #run(name: string, command: Command, text: string): Promise<string> {
    if (!this.#view.mayChange(this.#client.user.name)) {
      throw new WireError(
        sqlstates.insufficientPrivilege,
        `user "${this.#client.user.name}" may look but not run ${name}: adminUsers does not list it`,
      );
    }
    await command.run(this.#view.operation, argumentOf(command, text));
    return name;
  }

  #help(): void {
    this.#out.bytes(
      encodeNoticeResponse({
        severity: 'NOTICE',
        code: '00000',
        message: 'Console usage',
        detail: help.map((line) => `\n\t${line}`).join(''),
      }),
    );
    this.#out.bytes(encodeCommandComplete('SHOW'));
  }

  #table(table: Table): void {
    this.#out.bytes(
      encodeRowDescription(
        table.columns.map(({ name, type }) => ({
          name,
          typeOid: type === 'integer' ? int8Oid : textOid,
          typeLength: type === 'integer' ? 8 : -1,
        })),
      ),
    );
    for (const row of table.rows) {
      this.#out.bytes(encodeDataRow(row.map((cell) => (cell === null ? null : String(cell)))));
    }
    this.#out.bytes(encodeCommandComplete('SHOW'));
  }

  #error(code: string, message: string): void {
    this.#out.bytes(encodeErrorResponse({ severity: 'ERROR', code, message }));
  }
}
