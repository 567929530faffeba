/** Which images were released together, from the Compose file of each Dify release. */
export const difyReleases: Readonly<
  Record<string, { readonly pluginDaemon: string; readonly sandbox: string }>
> = {
  '1.13.3': { pluginDaemon: '0.5.3-local', sandbox: '0.2.14' },
};
