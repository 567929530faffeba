import { defineErrors } from '@sampan/base';

/** Errors of the emulator itself. What clients see on the wire is `SlsError` with the vendor's codes. */
export const slsEmulatorErrors = defineErrors({
  SLS_OPTION_INVALID: {
    family: 'user',
    summary: 'an option of the emulator has a value that cannot be used',
  },
  SLS_PORT_BUSY: { family: 'environment', summary: 'another program listens on a port of the emulator' },
  SLS_PORT_REFUSED: {
    family: 'environment',
    summary: 'the operating system does not let the emulator listen on an address or port',
  },
  SLS_DATA_DIRECTORY_BUSY: {
    family: 'environment',
    summary: 'another process has the data directory open',
  },
  SLS_DATA_DIRECTORY_UNUSABLE: {
    family: 'environment',
    summary: 'the data directory cannot be created, read or written',
  },
  SLS_SEGMENT_CORRUPT: {
    family: 'environment',
    summary: 'a segment file holds bytes that do not match their checksum, or a segment is missing',
  },
  SLS_SNAPSHOT_REFUSED: {
    family: 'environment',
    summary: 'a copy of the data directory cannot be made where it was asked for',
  },
  SLS_DOCUMENT_CORRUPT: {
    family: 'environment',
    summary: 'a file of the catalogue cannot be read as the JSON document it should be',
  },
});
