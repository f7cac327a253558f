/** Large values by their SHA-256. Putting the same text twice stores it once. */
export interface ArtifactStore {
  put(text: string): Promise<{ readonly hash: string; readonly bytes: number }>;
  /** @throws FLOTILLA_NOT_FOUND */
  get(hash: string): Promise<string>;
  /** Nobody uses it any more. One that is not there is gone already. */
  remove(hash: string): Promise<void>;
  /**
   * Copies it into another folder of artifacts, and reads what it copies. @returns its size in bytes
   * @throws FLOTILLA_NOT_FOUND when it is missing, or is not what its name says.
   */
  copy(hash: string, folder: string): Promise<number>;
}
