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
  HOLDERS: showHolders,
  POOLS: showPools,
  SERVERS: showServers,
  VERSION: showVersion,
};

const help = `SHOW HELP|${Object.keys(shows).join('|')}`;
const queryBytesMax = 64 * 1024;
const textOid = 25;
const int8Oid = 20;

/** One session of the admin console: SHOW commands over the simple protocol. */
export class AdminConsole implements TransportSink {
  readonly #client: Identified;
  readonly #view: AdminView;
  readonly #out: OutBatch;
  readonly #framer = createFramer({ maxFrameBytes: queryBytesMax, expectStartup: false });
  readonly #over: () => void;
  #isSkipping = false;

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
      for (const frame of this.#framer) this.#answer(frame);
      this.#out.flush();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(error.sqlstate, error.message);
    }
  }

  #answer(frame: Frame): void {
    if (frame.type === clientTags.terminate) {
      this.#client.transport.end();
    } else if (frame.type === clientTags.sync) {
      this.#isSkipping = false;
      this.#out.bytes(encodeReadyForQuery('I'));
    } else if (frame.type === clientTags.query) {
      this.#query(parseQuery(frame.payload));
      this.#out.bytes(encodeReadyForQuery('I'));
    } else if (!this.#isSkipping) {
      this.#isSkipping = true;
      this.#error(sqlstates.featureNotSupported, 'the admin console supports the simple query protocol only');
    }
  }

  #query(sql: string): void {
    const words = sql.trim().replace(/;\s*$/, '').trim().split(/\s+/);
    const [command = '', topic = ''] = words.map((word) => word.toUpperCase());
    const show = words.length === 2 && command === 'SHOW' ? shows[topic] : undefined;
    if (show !== undefined) {
      this.#table(show(this.#view));
    } else if (command === 'SHOW' && topic === 'HELP') {
      this.#out.bytes(
        encodeNoticeResponse({
          severity: 'NOTICE',
          code: '00000',
          message: 'Console usage',
          detail: `\n\t${help}`,
        }),
      );
      this.#out.bytes(encodeCommandComplete('SHOW'));
    } else if (command === '') {
      this.#out.bytes(encodeEmptyQueryResponse());
    } else {
      this.#error(sqlstates.syntaxError, `invalid command '${sql.trim()}', use SHOW HELP;`);
    }
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
