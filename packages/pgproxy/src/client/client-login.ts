import type { SecureContext } from 'node:tls';
import type { Clock, Timer } from '@sampan/base';
import {
  clientTags,
  createFramer,
  encodeAuthenticationOk,
  encodeErrorResponse,
  encodeNegotiateProtocolVersion,
  type Frame,
  parseStartup,
  type StartupPacket,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import type { UserOptions } from '../options.ts';
import type { Accept, OpenTransport, Transport, TransportSink } from '../transport/transport.ts';
import type { Authenticator, Examination } from './authenticator.ts';

/** A client that proved who it is. */
export interface Identified {
  readonly transport: Transport;
  readonly user: UserOptions;
  readonly database: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** The version it asked for: 2 and more take long cancel keys. */
  readonly protocolMinor: number;
  /** What it sent beyond its login. */
  readonly rest: Buffer;
  /** Gives the transport's events to the session. */
  attach(sink: TransportSink): void;
}

export interface ClientLoginOptions {
  readonly authenticator: Authenticator;
  readonly tls: SecureContext | undefined;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Why no more clients are let in, or `undefined`. */
  readonly isFull: () => string | undefined;
  readonly identified: (client: Identified) => void;
  readonly cancel: (processId: number, secretKey: Buffer) => void;
  /** The login is over, well or not; called once. */
  readonly over: () => void;
}

type Startup = Extract<StartupPacket, { kind: 'startup' }>;

/** Passwords and SASL messages are short; PostgreSQL allows 65,535. */
const passwordBytesMax = 65_535;
/** Protocol 3.2 (PostgreSQL 18) differs from 3.0 in the length of cancel keys. */
const protocolMinorMax = 2;
const lingerMs = 5000;

/** A connection until it has shown who it is: TLS, start-up packet, password, or a cancel request. */
export class ClientLogin implements TransportSink {
  readonly #options: ClientLoginOptions;
  readonly #timer: Timer;
  readonly #plain: OpenTransport;
  #transport: Transport;
  #framer = createFramer({ maxFrameBytes: passwordBytesMax, expectStartup: true });
  #startup: Startup | undefined;
  #examination: Examination | undefined;
  /** The proxy asks PostgreSQL how this user proves itself; what the client sends waits. */
  #isAsking = false;
  #isOver = false;
  #forward: TransportSink | undefined;

  constructor(accept: Accept, options: ClientLoginOptions) {
    this.#options = options;
    this.#timer = options.clock.after(options.timeoutMs, () =>
      this.fail(
        sqlstates.protocolViolation,
        `login did not finish within ${options.timeoutMs} ms (startupTimeoutMs)`,
      ),
    );
    this.#plain = accept(this);
    this.#transport = this.#plain;
  }

  get remoteAddress(): string {
    return this.#plain.remoteAddress;
  }

  data(buffer: Buffer, start: number, end: number): boolean {
    if (this.#forward !== undefined) return this.#forward.data(buffer, start, end);
    if (this.#isOver) return true;
    try {
      this.#framer.push(Buffer.from(buffer.subarray(start, end)));
      this.#takeAll();
    } catch (error) {
      this.#violated(error);
    }
    return true;
  }

  #takeAll(): void {
    while (!this.#isAsking && !this.#isOver) {
      const frame = this.#framer.next();
      if (frame === undefined) return;
      this.#take(frame);
    }
  }

  #violated(error: unknown): void {
    if (!(error instanceof WireError)) throw error;
    this.fail(error.sqlstate, error.message);
  }

  drained(): void {
    this.#forward?.drained();
  }

  closed(): void {
    if (this.#forward !== undefined) this.#forward.closed();
    else this.#finish();
  }

  /** Ends the attempt with an error message. */
  fail(code: string, message: string): void {
    if (this.#isOver) return;
    this.#send(encodeErrorResponse({ severity: 'FATAL', code, message }));
    this.#transport.end();
    const transport = this.#transport;
    this.#options.clock.after(lingerMs, () => transport.destroy());
    this.#finish();
  }

  destroy(): void {
    this.#transport.destroy();
    this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#options.over();
  }

  #send(message: Buffer): void {
    this.#transport.write(message, 0, message.length);
  }

  #take(frame: Frame): void {
    if (frame.type === 0) this.#takeStartup(parseStartup(frame.payload));
    else if (frame.type === clientTags.password && this.#examination !== undefined)
      this.#takePassword(frame.payload);
    else if (frame.type === clientTags.terminate) this.destroy();
    else this.fail(sqlstates.protocolViolation, `expected password response, got message type ${frame.type}`);
  }

  #takeStartup(packet: StartupPacket): void {
    switch (packet.kind) {
      case 'ssl':
        this.#answerSsl();
        break;
      case 'gssenc':
        this.#send(Buffer.from('N'));
        break;
      case 'cancel':
        this.#options.cancel(packet.processId, packet.secretKey);
        // PostgreSQL answers a cancel request with nothing but the end of the connection.
        this.#transport.end();
        this.#finish();
        break;
      case 'startup':
        this.#begin(packet);
        break;
    }
  }

  #answerSsl(): void {
    const context = this.#options.tls;
    if (context === undefined || this.#transport.isEncrypted || this.#plain.encrypt === undefined) {
      this.#send(Buffer.from('N'));
      return;
    }
    // Bytes sent ahead of the handshake could have been put there by somebody in the middle.
    if (this.#framer.bufferedBytes > 0) {
      this.fail(sqlstates.protocolViolation, 'received unencrypted data after SSL request');
      return;
    }
    this.#send(Buffer.from('S'));
    this.#framer = createFramer({ maxFrameBytes: passwordBytesMax, expectStartup: true });
    this.#transport = this.#plain.encrypt(context, this);
  }

  #begin(packet: Startup): void {
    const full = this.#options.isFull();
    if (full !== undefined) {
      this.fail(sqlstates.tooManyConnections, full);
      return;
    }
    this.#startup = packet;
    if (packet.protocolMinor > protocolMinorMax || packet.extensions.length > 0) {
      const minor = Math.min(packet.protocolMinor, protocolMinorMax);
      this.#send(encodeNegotiateProtocolVersion(packet.extensions, minor));
    }
    const user = packet.parameters.get('user') ?? '';
    if (user === '') {
      this.fail(
        sqlstates.invalidAuthorizationSpecification,
        'no PostgreSQL user name specified in startup packet',
      );
      return;
    }
    const replication = (packet.parameters.get('replication') ?? 'false').toLowerCase();
    if (!['false', 'off', 'no', '0'].includes(replication)) {
      this.fail(sqlstates.featureNotSupported, 'replication connections do not pass through the proxy');
      return;
    }
    const database = packet.parameters.get('database') ?? '';
    const examination = this.#options.authenticator.examine({
      user,
      database: database === '' ? user : database,
      address: this.#transport.remoteAddress,
      isEncrypted: this.#transport.isEncrypted,
    });
    if (examination instanceof Promise) void this.#await(examination);
    else this.#examine(examination);
  }

  async #await(asked: Promise<Examination>): Promise<void> {
    this.#isAsking = true;
    this.#transport.pause();
    try {
      const examination = await asked;
      this.#isAsking = false;
      if (this.#isOver) return;
      this.#transport.resume();
      this.#examine(examination);
      this.#takeAll();
    } catch (error) {
      this.#isAsking = false;
      this.#violated(error);
    }
  }

  #examine(examination: Examination): void {
    this.#examination = examination;
    const { request } = examination.check;
    if (request === undefined) this.#accept();
    else this.#send(request);
  }

  #takePassword(payload: Buffer): void {
    const { reply, verdict } = this.#examination?.check.answer(payload) ?? {};
    if (reply !== undefined) this.#send(reply);
    if (verdict === 'accepted') this.#accept();
    if (verdict === 'refused') this.#refuse();
  }

  #refuse(): void {
    const user = this.#startup?.parameters.get('user') ?? '';
    this.fail(sqlstates.invalidPassword, `password authentication failed for user "${user}"`);
  }

  #accept(): void {
    const parameters = this.#startup?.parameters ?? new Map<string, string>();
    const name = parameters.get('user') ?? '';
    const user = this.#examination?.user;
    if (user === undefined) {
      this.#refuse();
      return;
    }
    this.#send(encodeAuthenticationOk());
    const rest = this.#framer.takeRest();
    this.#finish();
    const database = parameters.get('database') ?? '';
    this.#options.identified({
      transport: this.#transport,
      user,
      database: database === '' ? name : database,
      parameters,
      protocolMinor: this.#startup?.protocolMinor ?? 0,
      rest,
      attach: (sink) => {
        this.#forward = sink;
        if (!this.#transport.isEncrypted) this.#plain.sink = sink;
      },
    });
  }
}
