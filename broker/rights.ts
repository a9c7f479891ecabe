// Who may read and write which topics. A home's agent writes its own branch; dashboards read everything
// but the commands, for those carry their sender's token.
//
// | role          | writes                                               | reads                             |
// |---------------|------------------------------------------------------|-----------------------------------|
// | agent         | pvtrading/<user>/#, its discovery                    | the same, and HA's birth          |
// | dashboard     | pvtrading/+/set/#                                    | pvtrading/#, homeassistant/#, no commands |
// | homeassistant | as a dashboard, and homeassistant/status             | as a dashboard                    |
// | admin         | all but $...                                         | all and $SYS, but no commands     |
// | anonymous     | nothing                                              | as a dashboard                    |

import { covers, isFilter, isTopic, type Levels, levelsOf, matches, meet } from "./topicFilter.ts";

/** What a user of the users' file can be. */
export const ROLES = ["agent", "dashboard", "homeassistant", "admin"] as const;
export type Role = (typeof ROLES)[number];

export type User = {
  /** An agent's is its home's name. Letters, digits, `_` and `-`, so that it is one level of a topic. */
  readonly name: string;
  readonly role: Role | "anonymous";
};

export const ANONYMOUS: User = { name: "", role: "anonymous" };

export const USER_NAME: RegExp = /^[A-Za-z0-9_-]{1,64}$/;

export type Rights = {
  readonly mayRead: (topic: string) => boolean;
  readonly mayWrite: (topic: string) => boolean;
  /** The filter is one, and matches something that this user may read; what it may not is left out later. */
  readonly maySubscribe: (filter: string) => boolean;
};

const COMMANDS = levelsOf("pvtrading/+/set/#");

/** A command is for now: kept, it would be carried out again whenever its home comes back. */
export function isCommand(topic: string): boolean {
  return matches(COMMANDS, levelsOf(topic));
}

export function rightsOf(user: User): Rights {
  const reads = readsOf(user).map(levelsOf);
  const writes = writesOf(user).map(levelsOf);
  const hidden = user.role === "agent" ? [] : [COMMANDS];
  return {
    mayRead: (topic) => {
      const levels = levelsOf(topic);
      return anyMatches(reads, levels) && !anyMatches(hidden, levels);
    },
    mayWrite: (topic) => isTopic(topic) && anyMatches(writes, levelsOf(topic)),
    maySubscribe: (filter) => {
      const levels = levelsOf(filter);
      return (
        isFilter(filter) &&
        reads.some((read) => meet(read, levels)) &&
        !hidden.some((pattern) => covers(pattern, levels))
      );
    },
  };
}

function readsOf({ name, role }: User): readonly string[] {
  switch (role) {
    case "agent":
      return [...ownOf(name), "homeassistant/status"];
    case "dashboard":
    case "homeassistant":
    case "anonymous":
      return ["pvtrading/#", "homeassistant/#"];
    case "admin":
      return ["#", "$SYS/#"];
  }
}

function writesOf({ name, role }: User): readonly string[] {
  switch (role) {
    case "agent":
      return ownOf(name);
    case "dashboard":
      return ["pvtrading/+/set/#"];
    case "homeassistant":
      return ["pvtrading/+/set/#", "homeassistant/status"];
    case "admin":
      return ["#"];
    case "anonymous":
      return [];
  }
}

/** An agent's branch, its discovery, and its devices' below it. */
function ownOf(name: string): readonly string[] {
  return [
    `pvtrading/${name}/#`,
    `homeassistant/device/pvtrading_${name}/config`,
    `homeassistant/device/pvtrading_${name}/+/config`,
  ];
}

function anyMatches(filters: readonly Levels[], topic: Levels): boolean {
  return filters.some((filter) => matches(filter, topic));
}
