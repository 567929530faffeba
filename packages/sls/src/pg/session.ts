import { isUtf8 } from 'node:buffer';
import type { Clock, Log } from '@sampan/base';
import {
  clientTags,
  encodeBackendKeyData,
  encodeCommandComplete,
  encodeDataRow,
  encodeEmptyQueryResponse,
  encodeErrorResponse,
  encodeNoticeResponse,
  encodeParameterStatus,
  encodeReadyForQuery,
  encodeRowDescription,
  parseQuery,
} from '@sampan/pg-wire';
import { isSlsError } from '@sampan/sls-wire';
import type { PgBackend } from './backend.ts';
import { type Channel, ConnectionLost } from './channel.ts';
import { columnOf, type ResultRows } from './column-types.ts';
import { errorFields, type StatementPlace } from './error-fields.ts';
import { logGroupsOf } from './insert-logs.ts';
import { PgError } from './pg-error.ts';
import { planSelect, runOnEngine } from './select-rows.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Settings } from './settings.ts';
import { parseStatements, type SelectStatement, type Statement } from './statement.ts';
import { logstoreSchema, relationText } from './statement-names.ts';
import type { TransactionStatement } from './transaction-statement.ts';

export interface SessionOptions {
  readonly channel: Channel;
  readonly backend: PgBackend;
  readonly clock: Clock;
  readonly log: Log;
  readonly user: string;
  readonly project: string;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly settings: Settings;
}

/** One logged-in client: reads its messages one by one and answers each before it reads the next. */
export class Session {
  readonly #options: SessionOptions;
  readonly #channel: Channel;
  #isInBlock = false;
  /** After an error in the extended protocol everything up to Sync is skipped. */
  #isSkipping = false;
  #interrupt: ((reason: PgError) => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#channel = options.channel;
  }

  /** Tells the client how the session stands, then serves it until it leaves. Throws what ends the session early. */
  async run(): Promise<void> {
    const { settings, processId, secretKey } = this.#options;
    for (const { name, value } of settings.reported())
      await this.#channel.send(encodeParameterStatus(name, value));
    await this.#channel.send(encodeBackendKeyData(processId, secretKey));
    await this.#ready();
    for (;;) {
      const frame = await this.#channel.read();
      if (frame === undefined || frame.type === clientTags.terminate) return;
      await this.#handle(frame.type, frame.payload);
    }
  }

  /** Answers the running SELECT with `reason` instead of waiting for its rows. A write is never interrupted. */
  interrupt(reason: PgError): void {
    this.#interrupt?.(reason);
  }

  async #handle(type: number, payload: Buffer): Promise<void> {
    if (type === clientTags.sync) {
      this.#isSkipping = false;
      return this.#ready();
    }
    if (this.#isSkipping) return;
    switch (type) {
      case clientTags.query:
        await this.#query(payload);
        return this.#ready();
      case clientTags.parse:
      case clientTags.bind:
      case clientTags.describe:
      case clientTags.execute:
      case clientTags.close:
        this.#isSkipping = true;
        await this.#fail(extendedProtocolError());
        return this.#channel.flush();
      case clientTags.flush:
        return this.#channel.flush();
      case clientTags.functionCall:
        await this.#fail(new PgError('0A000', 'the function call protocol is not supported'));
        return this.#ready();
      case clientTags.copyData:
      case clientTags.copyDone:
      case clientTags.copyFail:
        // Left over from a COPY that was refused.
        return;
      default:
        throw new PgError('08P01', `invalid frontend message type ${type}`);
    }
  }

  async #query(payload: Buffer): Promise<void> {
    let text = '';
    try {
      if (!isUtf8(payload)) throw new PgError('22021', 'invalid byte sequence for encoding "UTF8"');
      text = parseQuery(payload);
      const statements = parseStatements(text);
      if (statements.length === 0) await this.#channel.send(encodeEmptyQueryResponse());
      for (const statement of statements) await this.#execute(statement, text);
    } catch (error) {
      if (error instanceof ConnectionLost) throw error;
      await this.#fail(error, { text });
    }
  }

  async #execute(statement: Statement, text: string): Promise<void> {
    const { settings } = this.#options;
    switch (statement.kind) {
      case 'select':
        return this.#select(statement, text);
      case 'insert':
        return this.#insert(statement);
      case 'transaction':
        return this.#transaction(statement);
      case 'ignored':
        return this.#complete(statement.tag);
      case 'set': {
        const changed = settings.set(statement.name, statement.value);
        if (changed !== undefined) await this.#report(changed);
        return this.#complete('SET');
      }
      case 'reset': {
        const name = statement.name;
        const one = name === undefined ? undefined : settings.set(name, undefined);
        const changed = name === undefined ? settings.resetAll() : one === undefined ? [] : [one];
        for (const setting of changed) await this.#report(setting);
        return this.#complete(statement.tag);
      }
      case 'show':
        await this.#rows(shownSettings(settings, statement.name));
        return this.#complete('SHOW');
      case 'refused':
        throw statement.error;
    }
  }

  async #select(statement: SelectStatement, text: string): Promise<void> {
    const { backend, clock, processId, project, settings, user } = this.#options;
    const facts: SessionFacts = {
      catalog: backend.catalog,
      database: project,
      nowMs: () => clock.nowMs(),
      processId,
      settings,
      user,
    };
    const plan = planSelect(statement, text, facts);
    if (plan.kind === 'answered') return this.#selected(plan.result);
    try {
      await this.#selected(await this.#interruptible(runOnEngine(plan, project, backend)));
    } catch (error) {
      if (!isSlsError(error)) throw error;
      const place = plan.textAt === undefined ? { text } : { text, engineTextAt: plan.textAt };
      throw new EngineFailure(error, place);
    }
  }

  async #selected(result: ResultRows): Promise<void> {
    await this.#rows(result);
    await this.#complete(`SELECT ${result.rows.length}`);
  }

  async #insert(statement: Extract<Statement, { kind: 'insert' }>): Promise<void> {
    const { backend, clock, project } = this.#options;
    const { schema, name, start } = statement.table;
    const isOurs = schema === undefined || schema === logstoreSchema;
    if (!isOurs || backend.catalog.view(project, name) === undefined) {
      throw new PgError('42P01', `relation "${relationText(statement.table)}" does not exist`, { at: start });
    }
    const groups = logGroupsOf(statement, { nowMs: clock.nowMs(), source: this.#channel.remoteAddress });
    for (const group of groups) await backend.append({ project, logstore: name, group });
    return this.#complete(`INSERT 0 ${statement.rows.length}`);
  }

  async #transaction(statement: TransactionStatement): Promise<void> {
    if (statement.effect === 'begin' && this.#isInBlock) {
      await this.#warn('25001', 'there is already a transaction in progress');
    } else if (statement.effect === 'end' && !this.#isInBlock) {
      await this.#warn('25P01', 'there is no transaction in progress');
    }
    if (statement.effect !== 'inside') this.#isInBlock = statement.effect === 'begin';
    return this.#complete(statement.tag);
  }

  /** Waits for `work`, or for an interrupt. The work itself goes on: the engine has no way to stop it. */
  async #interruptible<T>(work: Promise<T>): Promise<T> {
    try {
      return await Promise.race([
        work,
        new Promise<never>((_, reject) => {
          this.#interrupt = reject;
        }),
      ]);
    } finally {
      this.#interrupt = undefined;
      work.catch(() => {});
    }
  }

  async #rows(result: ResultRows): Promise<void> {
    await this.#channel.send(encodeRowDescription(result.columns));
    for (const row of result.rows) await this.#channel.send(encodeDataRow(row));
  }

  #complete(tag: string): Promise<void> {
    return this.#channel.send(encodeCommandComplete(tag));
  }

  #report(setting: { name: string; value: string }): Promise<void> {
    return this.#channel.send(encodeParameterStatus(setting.name, setting.value));
  }

  #warn(code: string, message: string): Promise<void> {
    return this.#channel.send(encodeNoticeResponse({ severity: 'WARNING', code, message }));
  }

  async #fail(error: unknown, place?: StatementPlace): Promise<void> {
    const cause = error instanceof EngineFailure ? error.cause : error;
    const fields = errorFields(cause, 'ERROR', error instanceof EngineFailure ? error.place : place);
    if (fields.code === 'XX000') {
      // Only where it happened: the message of an unforeseen error may quote the statement.
      const frames = cause instanceof Error ? (cause.stack ?? '').split('\n    at ').slice(1, 6) : [];
      this.#options.log.error(
        { processId: this.#options.processId, frames },
        'a statement failed unexpectedly',
      );
    }
    await this.#channel.send(encodeErrorResponse(fields));
  }

  /** There is nothing a failed statement could leave behind in a block, so the state is never "failed". */
  async #ready(): Promise<void> {
    await this.#channel.send(encodeReadyForQuery(this.#isInBlock ? 'T' : 'I'));
    return this.#channel.flush();
  }
}

/** An error of the engine together with the text it refers to. */
class EngineFailure extends Error {
  override readonly name = 'EngineFailure';
  readonly place: StatementPlace;

  constructor(cause: Error, place: StatementPlace) {
    super('the query engine refused the statement', { cause });
    this.place = place;
  }
}

function shownSettings(settings: Settings, name: string | undefined): ResultRows {
  if (name !== undefined) {
    const setting = settings.get(name);
    return { columns: [columnOf(setting.name, 'text')], rows: [[setting.value]] };
  }
  return {
    columns: [columnOf('name', 'text'), columnOf('setting', 'text'), columnOf('description', 'text')],
    rows: settings.all().map((setting) => [setting.name, setting.value, '']),
  };
}

function extendedProtocolError(): PgError {
  return new PgError('0A000', 'the extended query protocol (Parse, Bind, Execute) is not supported', {
    hint: 'Use the simple query protocol: preferQueryMode=simple in JDBC, and no server-side parameters or prepared statements elsewhere.',
  });
}
