// What the benches use of autocannon, which brings no types of its own.

declare module "autocannon" {
  type Request = { readonly path: string; readonly body?: string };
  type Options = {
    readonly url: string;
    readonly connections: number;
    /** Seconds. */
    readonly duration: number;
    /** Seconds that a request may take. */
    readonly timeout: number;
    readonly requests: readonly {
      readonly method: string;
      readonly path: string;
      readonly headers: { readonly [name: string]: string };
      /** Each request anew. */
      readonly setupRequest?: (request: Request) => Request;
    }[];
  };
  type Result = {
    /** Seconds. */
    readonly duration: number;
    readonly "2xx": number;
    readonly non2xx: number;
    readonly errors: number;
    /** Milliseconds. */
    readonly latency: { readonly p50: number; readonly p99: number };
  };
  function autocannon(options: Options): Promise<Result>;
  export = autocannon;
}
