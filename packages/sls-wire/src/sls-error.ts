/**
 * An error in the vendor's own words: HTTP status, `errorCode` and `errorMessage` exactly as the service
 * sends them. Both front ends answer with it, so it is not a `SampanError`.
 */
export class SlsError extends Error {
  override readonly name = 'SlsError';
  readonly status: number;
  readonly errorCode: string;
  readonly errorMessage: string;

  constructor(status: number, errorCode: string, errorMessage: string) {
    super(`${errorCode}: ${errorMessage}`);
    this.status = status;
    this.errorCode = errorCode;
    this.errorMessage = errorMessage;
  }
}

/** True for an `SlsError`, also for one that crossed a thread and lost its class. */
export function isSlsError(error: unknown): error is SlsError {
  if (error instanceof SlsError) return true;
  return error instanceof Error && error.name === 'SlsError' && 'errorCode' in error && 'status' in error;
}

function make(status: number, errorCode: string, errorMessage: string): SlsError {
  return new SlsError(status, errorCode, errorMessage);
}

/**
 * The vendor's error table: code, status and sentence in one place. Sources are the public error-code pages of
 * the API reference and the assertions of the vendor's SDK test suites.
 */
export const slsErrors = {
  // Addressing and request head
  projectNotExist: (project: string) =>
    make(404, 'ProjectNotExist', `The Project does not exist: ${project}`),
  missingHost: () => make(400, 'MissingHost', 'Host does not exist in http header when it is necessary'),
  invalidHost: (host: string) => make(400, 'InvalidHost', `host ${host} is invalid`),
  missingContentLength: () =>
    make(411, 'MissingContentLength', 'Content-Length does not exist in http header when it is necessary'),
  missingBodyRawSize: () =>
    make(400, 'MissingBodyRawSize', 'x-log-bodyrawsize does not exist in header when it is necessary'),
  invalidBodyRawSize: (value: string) =>
    make(400, 'InvalidBodyRawSize', `x-log-bodyrawsize ${value} is invalid`),
  invalidCompressType: (value: string) =>
    make(400, 'InvalidCompressType', `x-log-compresstype ${value} is unsupported`),
  postBodyTooLarge: (bodyBytes: number, bodyBytesMax: number) =>
    make(400, 'PostBodyTooLarge', `body size ${bodyBytes} must little than ${bodyBytesMax}`),
  postBodyUncompressError: () => make(400, 'PostBodyUncompressError', 'Fail to uncompress body content'),
  postBodyInvalid: (message = 'Protobuffer content cannot be parsed') =>
    make(400, 'PostBodyInvalid', message),
  postBodyNotJson: () => make(400, 'PostBodyInvalid', 'The request body is not valid JSON object.'),

  // Authentication
  needAuthorization: () => make(400, 'ParameterInvalid', 'need authorization in header to authenticate'),
  invalidAuthorization: (value: string) =>
    make(400, 'ParameterInvalid', `http extend authorization : ${value} pair is invalid`),
  signatureNotMatch: (signature: string) =>
    make(401, 'SignatureNotMatch', `signature ${signature} not match`),
  accessKeyIdNotFound: (accessKeyId: string) =>
    make(401, 'Unauthorized', `AccessKeyId not found: ${accessKeyId}`),
  missAccessKeyId: () =>
    make(400, 'MissAccessKeyId', 'AccessKeyId does not exist in Authorization of http header'),
  missingDate: () => make(400, 'MissingDate', 'Date does not exist in http header when it is necessary'),
  invalidDateFormat: (date: string) => make(400, 'InvalidDateFormat', `Date ${date} must follow RFC822`),
  requestTimeExpired: (requestTime: string, serverTime: string) =>
    make(
      400,
      'RequestTimeExpired',
      `request time ${requestTime} is expired, request time must be within 15 minutes of server time ${serverTime}`,
    ),
  missingSignatureMethod: () =>
    make(
      400,
      'MissingSignatureMethod',
      'x-log-signaturemethod does not exist in http header when it is necessary',
    ),
  invalidSignatureMethod: (method: string) =>
    make(400, 'InvalidSignatureMethod', `signature method ${method} is unsupported`),
  missingApiVersion: () =>
    make(400, 'MissingAPIVersion', 'x-log-apiversion does not exist in http header when it is necessary'),
  invalidApiVersion: (version: string) =>
    make(400, 'InvalidAPIVersion', `API version ${version} is unsupported`),

  // Parameters
  parameterInvalid: (message: string) => make(400, 'ParameterInvalid', message),

  // Catalogue
  projectAlreadyExist: (project: string) =>
    make(400, 'ProjectAlreadyExist', `Project ${project} already exist`),
  projectQuotaExceed: (projectsMax: number) =>
    make(403, 'ProjectQuotaExceed', `Project quota exceed: at most ${projectsMax}`),
  logStoreNotExist: (logstore: string) =>
    make(404, 'LogStoreNotExist', `logstore ${logstore} does not exist`),
  logStoreAlreadyExist: (logstore: string) =>
    make(400, 'LogStoreAlreadyExist', `logstore ${logstore} already exists`),
  logStoreInfoInvalid: (message: string) => make(400, 'LogStoreInfoInvalid', message),
  indexConfigNotExist: () => make(404, 'IndexConfigNotExist', "index config doesn't exist"),
  logstoreWithoutIndex: () => make(404, 'IndexConfigNotExist', 'logstore without index config'),
  indexAlreadyExist: () => make(400, 'IndexAlreadyExist', 'log store index is already created'),
  indexInfoInvalid: (message: string) => make(400, 'IndexInfoInvalid', message),
  shardNotExist: (shard: number | string) => make(404, 'ShardNotExist', `shard ${shard} does not exist`),
  invalidCursor: () => make(400, 'InvalidCursor', 'this cursor is invalid'),
  logStoreWithoutShard: () => make(400, 'LogStoreWithoutShard', 'logstore has no shard'),
  invalidTimeRange: () => make(400, 'InvalidTimeRange', 'request time range is invalid'),
  notSupported: (message: string) => make(400, 'NotSupported', message),
  exceedQuota: (message: string) => make(403, 'ExceedQuota', message),

  // Consumer groups; three of the codes are misspelt by the service, and its clients compare them as they are
  consumerGroupAlreadyExist: () => make(400, 'ConsumerGroupAlreadyExist', 'consumer group already exist'),
  consumerGroupNotExist: () => make(404, 'ConsumerGroupNotExist', 'consumer group not exist'),
  consumerGroupInvalid: () => make(400, 'JsonInfoInvalid', 'consumerGroup or timeout is of error format'),
  consumerNotExist: (consumer: string) =>
    make(404, 'ConsumerNotExsit', `consumer ${consumer} does not exist`),
  consumerNotMatch: (shard: number, consumer: string) =>
    make(400, 'ConsumerNotMatch', `shard ${shard} is not owned by consumer ${consumer}`),
  consumerShardNotExist: (shard: number) => make(404, 'ShardNotExsit', `shard ${shard} does not exist`),
  invalidShardCheckPoint: () => make(400, 'InvalidShardCheckPoint', 'shard checkpoint not encoded by base64'),

  // Service
  internalServerError: () => make(500, 'InternalServerError', 'Internal server error'),
  serverBusy: (message = 'the server is busy, please try again later') => make(503, 'ServerBusy', message),
  /**
   * Ours, not the vendor's: the operation exists in the service but not in this emulator. The status is 400
   * because clients repeat whatever answers 5xx, Go for a minute and a half.
   */
  notEmulated: (operation: string) => make(400, 'NotEmulated', `${operation} is not emulated`),
} as const;
