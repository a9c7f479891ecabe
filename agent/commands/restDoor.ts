// The REST door of a home that runs: its wallet with the home's own cards, its tokens, and the server.

import type { RestConfig } from "../config.ts";
import { readCa } from "../io/ca.ts";
import { DEFAULT_REST_LIMITS } from "../io/http/limits.ts";
import { GITHUB_ENDPOINTS } from "../io/http/login.ts";
import { openRest } from "../io/http/server.ts";
import type { AgentDoor, Log, Publisher } from "../ports.ts";
import { openAccess } from "./access.ts";

export type RestDoor = {
  /** http://127.0.0.1:3000 */
  readonly address: string;
  readonly publisher: Publisher;
  readonly close: () => Promise<void>;
};

export type RestParts = {
  readonly door: AgentDoor;
  /** Folders of the home's own cards: each is in the wallet, its member's. */
  readonly cards: readonly string[];
  readonly log: Log;
};

/** Throws KeyError where a folder is not right, and what the system says where the port is taken. */
export async function openRestDoor(rest: RestConfig, parts: RestParts): Promise<RestDoor> {
  const { door, cards, log } = parts;
  const { wallet, tokens } = openAccess(rest, cards);
  return await openRest({
    ...{ door, wallet, tokens, log },
    ca: rest.ca === null ? null : readCa(rest.ca),
    options: {
      ...{ host: rest.host, port: rest.port, namespace: rest.namespace, cors: rest.cors },
      limits: { ...DEFAULT_REST_LIMITS, ...rest.limits },
      logins: rest.logins.map(({ endpoints, ...login }) => ({
        ...login,
        endpoints: endpoints === "github" ? GITHUB_ENDPOINTS : endpoints,
      })),
      commitWithinMs: rest.commitWithin,
    },
  });
}
