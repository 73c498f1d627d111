/** What the floor is taught, so that it answers as many bytes as another server does. */
export interface PrimeMessage {
  prime: {
    host: string;
    port: number;
    ca: string;
    headers: Record<string, string>;
    /** Answers to these are fetched and given as they are from then on. */
    requests?: readonly { path: string; headers: Record<string, string> }[];
    /** Collections whose objects are fetched and held as one's own. */
    copies?: readonly string[];
    /** Answers to a POST on `path` get so many bytes more than now. */
    pad?: { path: string; bytes: number };
  };
}
