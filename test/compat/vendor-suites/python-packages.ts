/** What the Python SDK, the command line client and their tests import, besides themselves. */
export const pythonPackages = [
  'six==1.17.0',
  'requests==2.34.2',
  'python-dateutil==4.0.0',
  'elasticsearch==9.5.1',
  'jmespath==1.1.0',
  'dateparser==1.5.0',
  'protobuf==5.29.6',
  'lz4==4.4.5',
  'zstandard==0.25.0',
  'docopt==0.6.2',
  'aliyun-python-sdk-core==2.16.1',
  'aliyun-python-sdk-sts==3.1.3',
  'pytest==9.2.0',
  'pytest-mock==3.17.0',
  'responses==0.26.3',
] as const;
