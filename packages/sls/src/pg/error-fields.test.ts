import { SlsError, slsErrors } from '@sampan/sls-wire';
import { describe, expect, it } from 'vitest';
import { errorFields } from './error-fields.ts';
import { PgError } from './pg-error.ts';

describe('an error on the PostgreSQL side', () => {
  it.each([
    [slsErrors.logStoreNotExist('x'), '42P01'],
    [slsErrors.projectNotExist('x'), '3D000'],
    [slsErrors.parameterInvalid("Column 'x' cannot be resolved"), '42703'],
    [slsErrors.parameterInvalid('Function foo not registered'), '42883'],
    [slsErrors.parameterInvalid("line 1:8: mismatched input 'x' expecting <EOF>"), '42601'],
    [slsErrors.parameterInvalid("'>' cannot be applied to varchar, bigint"), '42883'],
    [slsErrors.parameterInvalid("Column 'x' not in GROUP BY clause"), '42803'],
    [slsErrors.parameterInvalid("Column 'x' is ambiguous"), '42702'],
    [slsErrors.parameterInvalid('Cannot cast varchar to map'), '42846'],
    [slsErrors.parameterInvalid('Division by zero'), '22012'],
    [slsErrors.internalServerError(), 'XX000'],
    [slsErrors.parameterInvalid('something new'), 'XX000'],
  ])('keeps the sentence of %s and gets %s', (error, code) => {
    expect(errorFields(error)).toMatchObject({ severity: 'ERROR', code, message: error.errorMessage });
  });

  it('counts positions in characters, from one', () => {
    const fields = errorFields(new PgError('42601', 'x', { at: 4 }), 'ERROR', { text: '😀 a b' });
    expect(fields.position).toBe(4);
  });

  it("finds the service's line and column in the query text", () => {
    const text = 'BEGIN; SELECT a,\n  b FROM c';
    for (const place of ['ErrorPosition,line:2,column:3.ErrorMessage:', 'line 2:3: ']) {
      const error = new SlsError(400, 'ParameterInvalid', `${place}syntax error`);
      expect(errorFields(error, 'ERROR', { text, engineTextAt: 7 }).position).toBe(
        text.indexOf('b FROM') + 1,
      );
    }
  });

  it('says nothing about an unforeseen failure', () => {
    expect(errorFields(new TypeError("secret 'data'"))).toEqual({
      severity: 'ERROR',
      code: 'XX000',
      message: 'internal error of the SLS emulator',
    });
  });
});
