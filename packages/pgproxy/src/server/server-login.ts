import type { Clock, Timer } from '@sampan/base';
import {
  createFramer,
  createScramClient,
  encodePassword,
  encodeSaslInitialResponse,
  encodeSaslResponse,
  encodeStartup,
  type Frame,
  md5Password,
  parseAuthentication,
  parseBackendKeyData,
  parseErrorFields,
  parseParameterStatus,
  type ScramClient,
  serverTags,
  sqlstates,
  WireError,
} from '@sampan/pg-wire';
import type { TransportSink } from '../transport/transport.ts';
import {
  connectServer,
  type ServerAddress,
  type ServerTls,
  type ServerTransport,
} from './server-transport.ts';

/** How the proxy logs in. */
export interface ServerCredentials {
  readonly user: string;
  readonly password: string | undefined;
  readonly database: string;
}

/** What a finished login yields. */
export interface LoggedIn {
  readonly transport: ServerTransport;
  readonly address: ServerAddress;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly parameters: Map<string, string>;
}

/** Why there is no server connection, as the client is told. */
export interface LoginFailure {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  /** It was refused before authentication, in a way an older server refuses a newer protocol version. */
  readonly isProtocol?: boolean;
}

/** What a session must be to be used (libpq's `target_session_attrs`). */
export type TargetSession = 'any' | 'read-write' | 'read-only' | 'primary' | 'standby';

const frameBytesMax = 1024 * 1024;

/**
 * Opens and authenticates one connection. Exactly one of `done` and `failed` is called. The caller sets the
 * transport's sink in `done`.
 */
export function logIn(options: {
  readonly address: ServerAddress;
  readonly tls: ServerTls;
  /** 2 asks for protocol 3.2, 0 for 3.0. */
  readonly protocolMinor: number;
  readonly target: TargetSession;
  readonly credentials: ServerCredentials;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly done: (session: LoggedIn) => void;
  readonly failed: (failure: LoginFailure) => void;
}): { cancel(): void } {
  const login = new ServerLogin(options);
  return { cancel: () => login.fail(sqlstates.connectionFailure, 'the proxy is stopping') };
}

class ServerLogin implements TransportSink {
  readonly #options: Parameters<typeof logIn>[0];
  readonly #connection: { destroy(): void };
  #transport: ServerTransport | undefined;
  #isAuthenticating = false;
  readonly #timer: Timer;
  readonly #framer = createFramer({ maxFrameBytes: frameBytesMax, expectStartup: false });
  readonly #parameters = new Map<string, string>();
  #scram: ScramClient | undefined;
  #isVerified = false;
  #processId = 0;
  #secretKey: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(options: Parameters<typeof logIn>[0]) {
    this.#options = options;
    const { host, port } = options.address;
    const where = `${host}:${port}`;
    this.#timer = options.clock.after(options.timeoutMs, () =>
      this.fail(
        sqlstates.connectionFailure,
        `PostgreSQL at ${where} did not answer within ${options.timeoutMs} ms`,
      ),
    );
    this.#connection = connectServer({
      address: options.address,
      tls: options.tls,
      sink: this,
      connected: (transport) => this.#start(transport),
      failed: (error) =>
        this.fail(sqlstates.connectionFailure, `cannot connect to PostgreSQL at ${where}: ${error.message}`),
    });
  }

  fail(sqlstate: string, message: string, detail?: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#transport?.destroy();
    this.#connection.destroy();
    const isProtocol =
      !this.#isAuthenticating &&
      (sqlstate === sqlstates.featureNotSupported || sqlstate === sqlstates.protocolViolation);
    const extra = detail === undefined ? {} : { detail };
    this.#options.failed({ sqlstate, message, ...extra, ...(isProtocol ? { isProtocol } : {}) });
  }

  data(buffer: Buffer, start: number, end: number): boolean {
    if (this.#isOver) return true;
    try {
      // The read buffer is reused, the framer keeps what it is given.
      this.#framer.push(Buffer.from(buffer.subarray(start, end)));
      for (const frame of this.#framer) {
        this.#take(frame);
        if (this.#isOver) return true;
      }
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.fail(error.sqlstate, `login at PostgreSQL failed: ${error.message}`);
    }
    return true;
  }

  drained(): void {}

  closed(): void {
    this.fail(sqlstates.connectionFailure, 'PostgreSQL closed the connection during login');
  }

  #start(transport: ServerTransport): void {
    this.#transport = transport;
    if (this.#isOver) {
      transport.destroy();
      return;
    }
    const { user, database } = this.#options.credentials;
    this.#send(
      encodeStartup(
        [
          ['user', user],
          ['database', database],
        ],
        this.#options.protocolMinor,
      ),
    );
  }

  #send(message: Buffer): void {
    this.#transport?.write(message, 0, message.length);
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case serverTags.authentication:
        this.#authenticate(frame.payload);
        break;
      case serverTags.parameterStatus: {
        const { name, value } = parseParameterStatus(frame.payload);
        this.#parameters.set(name, value);
        break;
      }
      case serverTags.backendKeyData: {
        const key = parseBackendKeyData(frame.payload);
        this.#processId = key.processId;
        this.#secretKey = key.secretKey;
        break;
      }
      case serverTags.errorResponse: {
        const fields = parseErrorFields(frame.payload);
        this.fail(fields.get('C') ?? sqlstates.connectionFailure, fields.get('M') ?? '', fields.get('D'));
        break;
      }
      case serverTags.readyForQuery:
        this.#finish();
        break;
      case serverTags.noticeResponse:
      // An older server says which protocol version it speaks instead.
      case serverTags.negotiateProtocolVersion:
        break;
      default:
        this.fail(sqlstates.protocolViolation, `unexpected message type ${frame.type} during login`);
    }
  }

  #authenticate(payload: Buffer): void {
    const { user, password } = this.#options.credentials;
    const request = parseAuthentication(payload);
    this.#isAuthenticating = true;
    if (request.kind === 'ok') {
      // A server that asked for SCRAM must have proved that it knows the password.
      if (this.#scram !== undefined && !this.#isVerified) {
        this.fail(sqlstates.protocolViolation, 'PostgreSQL ended the SCRAM exchange without its proof');
      }
      return;
    }
    if (request.kind === 'saslFinal') {
      this.#scram?.verify(request.data);
      this.#isVerified = true;
      return;
    }
    if (password === undefined) {
      const hint = 'set users[].serverPassword or server.password';
      this.fail(sqlstates.invalidPassword, `PostgreSQL asks for the password of user "${user}"; ${hint}`);
      return;
    }
    switch (request.kind) {
      case 'cleartext':
        this.#send(encodePassword(password));
        break;
      case 'md5':
        this.#send(encodePassword(md5Password(user, password, request.salt)));
        break;
      case 'sasl': {
        this.#scram = createScramClient({ password });
        const first = this.#scram.first(request.mechanisms);
        this.#send(encodeSaslInitialResponse(first.mechanism, first.data));
        break;
      }
      case 'saslContinue':
        if (this.#scram !== undefined) this.#send(encodeSaslResponse(this.#scram.continue(request.data)));
        break;
      default:
        this.fail(sqlstates.featureNotSupported, `authentication request ${request.code} is not supported`);
    }
  }

  #finish(): void {
    const transport = this.#transport;
    const wrong = whyNotTarget(this.#options.target, this.#parameters);
    if (wrong !== undefined) this.fail(sqlstates.cannotConnectNow, wrong);
    if (this.#isOver || transport === undefined) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#options.done({
      transport,
      address: this.#options.address,
      processId: this.#processId,
      secretKey: this.#secretKey,
      parameters: this.#parameters,
    });
  }
}

/** Why a session is not what `target` asks for. PostgreSQL 14 and later report what has to be known. */
function whyNotTarget(target: TargetSession, parameters: ReadonlyMap<string, string>): string | undefined {
  if (target === 'any') return undefined;
  const standby = parameters.get('in_hot_standby');
  const readOnly = parameters.get('default_transaction_read_only');
  if (standby === undefined || readOnly === undefined) {
    return `server.targetSession "${target}" needs PostgreSQL 14 or later`;
  }
  const have = {
    'read-write': standby === 'off' && readOnly === 'off',
    'read-only': standby === 'on' || readOnly === 'on',
    primary: standby === 'off',
    standby: standby === 'on',
  };
  return have[target] ? undefined : `the session is not "${target}" (server.targetSession)`;
}
