// Which identity signed what the historian tells. The ledger keeps each member's last key alone, so what was said
// before a member was given another one has none: no record names a key that did not sign it.

import { identityId } from "../../core/composer/present.ts";
import type { Payload } from "../../core/ledger/transaction.ts";
import type { AgentDoor, HistoryEntry } from "../../ports.ts";
import type { Reading } from "./registryRead.ts";

export type Used = { readonly identityUsed?: string };

/** Asked for one entry after the other, the newest first and none of them left out. */
export function usedByNewest({ door }: Pick<Reading, "door">, rules: AgentDoor["rules"]) {
  const rebound = new Set<string>();
  return (entry: HistoryEntry): Used => {
    const { author, payload } = entry;
    const used = author !== null && rebound.has(author) ? {} : usedNow(door, rules, author);
    if (payload.type === "bindIdentity") rebound.add(payload.memberId);
    return used;
  };
}

const BINDING: ReadonlySet<Payload["type"]> = new Set(["bindIdentity"]);

/** Of one entry alone: none, where what came after it is more than a request looks at. */
export function usedIn(
  { door, limits }: Reading,
  rules: AgentDoor["rules"],
  { author, height }: HistoryEntry,
): Used {
  const { rowsMax: count, blocksMax } = limits;
  const isInSight = door.ledger().height - height < blocksMax;
  const { entries } = door.history.transactions({ types: BINDING, count, blocksMax });
  const isRebound = entries.some(
    ({ payload, height: at }) =>
      payload.type === "bindIdentity" && payload.memberId === author && at >= height,
  );
  return isInSight && entries.length < count && !isRebound ? usedNow(door, rules, author) : {};
}

function usedNow(
  door: Pick<AgentDoor, "ledger">,
  { administrator }: AgentDoor["rules"],
  author: HistoryEntry["author"],
): Used {
  if (author === null) return {};
  const isAdministrator = administrator?.memberId === author;
  const key = isAdministrator
    ? administrator.publicKey
    : door.ledger().members.get(author)?.publicKey;
  return key === undefined || key === null ? {} : { identityUsed: identityId(key) };
}
