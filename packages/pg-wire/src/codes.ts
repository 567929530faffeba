/** Wire letters of messages a client sends (PostgreSQL documentation, "Message Formats"). */
export const clientTags = {
  bind: 0x42, // B
  close: 0x43, // C
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyFail: 0x66, // f
  describe: 0x44, // D
  execute: 0x45, // E
  flush: 0x48, // H
  functionCall: 0x46, // F
  parse: 0x50, // P
  password: 0x70, // p; also carries the SASL answers
  query: 0x51, // Q
  sync: 0x53, // S
  terminate: 0x58, // X
} as const;

/** Wire letters of messages a server sends. */
export const serverTags = {
  authentication: 0x52, // R
  backendKeyData: 0x4b, // K
  bindComplete: 0x32, // 2
  closeComplete: 0x33, // 3
  commandComplete: 0x43, // C
  copyBothResponse: 0x57, // W
  copyData: 0x64, // d
  copyDone: 0x63, // c
  copyInResponse: 0x47, // G
  copyOutResponse: 0x48, // H
  dataRow: 0x44, // D
  emptyQueryResponse: 0x49, // I
  errorResponse: 0x45, // E
  functionCallResponse: 0x56, // V
  negotiateProtocolVersion: 0x76, // v
  noData: 0x6e, // n
  noticeResponse: 0x4e, // N
  notificationResponse: 0x41, // A
  parameterDescription: 0x74, // t
  parameterStatus: 0x53, // S
  parseComplete: 0x31, // 1
  portalSuspended: 0x73, // s
  readyForQuery: 0x5a, // Z
  rowDescription: 0x54, // T
} as const;

/** The number in an Authentication message that says what is asked of the client. */
export const authenticationCodes = {
  ok: 0,
  cleartextPassword: 3,
  md5Password: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const;

/** The first number of a packet that has no letter. */
export const startupCodes = {
  cancel: 80877102,
  ssl: 80877103,
  gssenc: 80877104,
} as const;

/** The version that every server of the third protocol speaks, as it stands on the wire. */
export const protocolVersion30 = 0x00030000;

/** The server's transaction state as ReadyForQuery tells it: idle, in a block, in a failed block. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** Longest start-up packet PostgreSQL accepts (`MAX_STARTUP_PACKET_LENGTH`). */
export const startupBytesMax = 10_000;
