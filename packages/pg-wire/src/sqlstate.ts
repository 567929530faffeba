/** SQLSTATE codes this workspace sends or recognises (PostgreSQL documentation, appendix A). */
export const sqlstates = {
  successfulCompletion: '00000',
  warning: '01000',
  connectionException: '08000',
  connectionDoesNotExist: '08003',
  connectionRefusedByServer: '08004',
  connectionFailure: '08006',
  protocolViolation: '08P01',
  featureNotSupported: '0A000',
  invalidTextRepresentation: '22P02',
  characterNotInRepertoire: '22021',
  invalidParameterValue: '22023',
  activeSqlTransaction: '25001',
  noActiveSqlTransaction: '25P01',
  inFailedSqlTransaction: '25P02',
  idleInTransactionSessionTimeout: '25P03',
  invalidSqlStatementName: '26000',
  invalidAuthorizationSpecification: '28000',
  invalidPassword: '28P01',
  invalidCatalogName: '3D000',
  invalidCursorName: '34000',
  syntaxErrorOrAccessRuleViolation: '42000',
  syntaxError: '42601',
  insufficientPrivilege: '42501',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  undefinedObject: '42704',
  duplicateTable: '42P07',
  duplicatePreparedStatement: '42P05',
  datatypeMismatch: '42804',
  insufficientResources: '53000',
  outOfMemory: '53200',
  tooManyConnections: '53300',
  programLimitExceeded: '54000',
  objectNotInPrerequisiteState: '55000',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  idleSessionTimeout: '57P05',
  internalError: 'XX000',
} as const;

/** Bytes or values that break the protocol's rules. `sqlstate` is what the peer is to be told. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly sqlstate: string;

  constructor(sqlstate: string, message: string) {
    super(message);
    this.sqlstate = sqlstate;
  }
}
