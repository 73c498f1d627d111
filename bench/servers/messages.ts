/** The floor fetches these from another server and answers them from then on with the same bytes. */
export interface PrimeMessage {
  prime: {
    host: string;
    port: number;
    ca: string;
    headers: Record<string, string>;
    requests: { path: string; headers: Record<string, string> }[];
  };
}
