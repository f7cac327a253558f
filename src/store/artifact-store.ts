/** Large values by their SHA-256. Putting the same text twice stores it once. */
export interface ArtifactStore {
  put(text: string): Promise<{ readonly hash: string; readonly bytes: number }>;
  /** @throws FLOTILLA_NOT_FOUND */
  get(hash: string): Promise<string>;
}
