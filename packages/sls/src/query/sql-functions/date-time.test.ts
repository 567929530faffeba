import { describe } from 'vitest';
import { checkFunctions } from './testing.ts';

// 1760000001 is 2025-10-09 08:53:21 UTC, 16:53:21 in Shanghai.
describe('in UTC', () => {
  checkFunctions(
    [
      ['from_unixtime(1760000001)', '2025-10-09 08:53:21.000'],
      ['from_unixtime(1760000001.5)', '2025-10-09 08:53:21.500'],
      ["from_unixtime(1760000001, 'Asia/Shanghai')", '2025-10-09 16:53:21.000 Asia/Shanghai'],
      ["to_unixtime(from_unixtime(1760000001, 'Asia/Shanghai'))", '1.760000001E9'],
      ['to_unixtime(from_unixtime(1760000001))', '1.760000001E9'],
      ["to_unixtime(from_iso8601_timestamp('2025-10-09T08:53:21'))", '1.760000001E9'],
      ["to_unixtime(from_iso8601_timestamp('2025-10-09T16:53:21+08:00'))", '1.760000001E9'],
      ["to_unixtime(from_iso8601_timestamp('2025-10-09T08:53:21.250Z'))", '1.76000000125E9'],
      ["from_iso8601_date('2025-10-09')", '2025-10-09'],
      ['date(from_unixtime(1760000001))', '2025-10-09'],
      ["date('2025-10-09')", '2025-10-09'],
      ["date '2025-10-09' + interval '1' day", '2025-10-10'],
      ["timestamp '2025-10-09 08:00:00' - interval '90' minute", '2025-10-09 06:30:00.000'],
      ["date_format(from_unixtime(1760000001), '%Y-%m-%d %H:%i:%s')", '2025-10-09 08:53:21'],
      ["date_format(1760000001 - 1760000001 % 60, '%H:%i')", '08:53'],
      [
        "date_format(from_unixtime(1760000001), '%T %p %j %W %M %b %e %c %y %%')",
        '08:53:21 AM 282 Thursday October Oct 9 10 25 %',
      ],
      ["date_parse('09/10/2025 08:53', '%d/%m/%Y %H:%i')", '2025-10-09 08:53:00.000'],
      ["to_unixtime(date_parse('2025-10-09 08:53:21', '%Y-%m-%d %H:%i:%s'))", '1.760000001E9'],
      ["date_trunc('hour', from_unixtime(1760000001))", '2025-10-09 08:00:00.000'],
      ["date_trunc('minute', 1760000001)", '2025-10-09 08:53:00.000'],
      ["date_trunc('month', date '2025-10-09')", '2025-10-01'],
      ["date_trunc('week', date '2025-10-09')", '2025-10-06'],
      ["date_add('day', -7, timestamp '2025-10-09 00:00:00')", '2025-10-02 00:00:00.000'],
      ["date_add('month', 1, date '2025-01-31')", '2025-02-28'],
      ["date_diff('minute', timestamp '2025-01-01 00:00:59', timestamp '2025-01-01 00:01:00')", '0'],
      ["date_diff('day', date '2025-01-01', date '2025-03-01')", '59'],
      ["timestamp '2025-01-02 00:00:00' - timestamp '2025-01-01 12:00:00'", '0 12:00:00.000'],
      ["year(date '2025-10-09')", '2025'],
      ["extract(month from date '2025-10-09')", '10'],
      ["day_of_week(date '2025-10-12')", '7'],
      ["day_of_year(date '2025-02-01')", '32'],
      ["week(date '2025-01-01')", '1'],
      ["hour(timestamp '2025-01-01 23:59:58')", '23'],
      ["second(timestamp '2025-01-01 23:59:58')", '58'],
      ["millisecond(timestamp '2025-01-01 23:59:58.123')", '123'],
      ["last_day_of_month(date '2024-02-03')", '2024-02-29'],
      ["to_iso8601(date '2025-10-09')", '2025-10-09'],
      ["cast(timestamp '2025-10-09 08:53:21' as varchar)", '2025-10-09 08:53:21.000'],
      ["cast('2025-10-09 08:53:21' as timestamp)", '2025-10-09 08:53:21.000'],
      ["timestamp '2025-10-09 08:53:21' at time zone 'Asia/Tokyo'", '2025-10-09 17:53:21.000 Asia/Tokyo'],
      ["date_diff('second', now(), current_timestamp)", '0'],
      ['current_date = date(now())', 'true'],
      ['current_timezone()', 'UTC'],
    ],
    [
      ["date_trunc('fortnight', now())", "'fortnight' is not a valid Timestamp field"],
      ["date_format(now(), '%D')", '%D not supported in date format string'],
      ["from_unixtime('a')", 'Unexpected parameters (varchar) for function from_unixtime'],
      ["from_iso8601_timestamp('yesterday')", 'Invalid format: "yesterday"'],
      ["date 'tomorrow'", "'tomorrow' is not a valid date literal"],
      ["now() > '2025-01-01'", "'>' cannot be applied to timestamp, varchar"],
      ["date_add('day', 1, 'x')", 'Unexpected parameters (varchar, bigint, varchar) for function date_add'],
    ],
  );
});

describe('in the configured zone', () => {
  checkFunctions(
    [
      ['from_unixtime(1760000001)', '2025-10-09 16:53:21.000'],
      ['to_unixtime(from_unixtime(1760000001))', '1.760000001E9'],
      ["to_unixtime(from_iso8601_timestamp('2025-10-09T08:53:21'))", '1.759971201E9'],
      ["to_unixtime(from_iso8601_timestamp('2025-10-09T08:53:21Z'))", '1.760000001E9'],
      ["to_unixtime(date_parse('2025-10-09 16:53:21', '%Y-%m-%d %H:%i:%s'))", '1.760000001E9'],
      ["to_unixtime(timestamp '2025-10-09 16:53:21')", '1.760000001E9'],
      ['date(from_unixtime(1760025600))', '2025-10-10'],
      ["date_trunc('day', 1760025600)", '2025-10-10 00:00:00.000'],
      ['current_timezone()', 'Asia/Shanghai'],
    ],
    [["from_unixtime(1, 'Mars/Olympus')", 'Time zone not supported: Mars/Olympus']],
    { timeZone: 'Asia/Shanghai' },
  );
});
