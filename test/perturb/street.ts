// Every home behind a cable of its own: a network namespace each, joined by bridges inside a namespace that
// dies with this process. A cable that is pulled loses packets silently, as a real one does; nobody is told.
//
//   home1 [10.77.0.11] --cable1--.                       .-- cable3 -- [10.77.0.13] home3
//   home2 [10.77.0.12] --cable2--+-- street1   street2 --+
//
// Needs no root where the system lets users make namespaces (Linux, util-linux, iproute2).

import { execFileSync, spawn, spawnSync } from "node:child_process";

const INSIDE = "PVTRADING_PERTURB_STREET";
/** With a user namespace nobody needs to be root; some containers allow only the plain ones. */
const WAYS = [
  ["--map-root-user", "--net", "--mount"],
  ["--net", "--mount"],
] as const;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const STREETS = ["street1", "street2"] as const;

export type Place = { readonly host: string; readonly prefix: readonly string[] };

export type Street = {
  /** Where a home lives, as the laboratory wants it. */
  readonly place: (home: string) => Place;
  readonly pull: (home: string) => void;
  readonly plug: (home: string) => void;
  /** Moves a home's cable to another bridge: 0 is where everybody begins, 1 the other half of a split. */
  readonly move: (home: string, street: 0 | 1) => void;
};

/** Whether this process has a network of its own already. */
export function isInStreet(): boolean {
  return process.env[INSIDE] === "1";
}

/**
 * Runs this same command again in namespaces of its own; resolves with its exit code, or null if the system
 * makes no namespaces for us.
 */
export async function enterStreet(): Promise<number | null> {
  const way = WAYS.find((options) => tryOut("unshare", [...options, "ip", "link", "show", "lo"]));
  if (way === undefined) return null;
  const child = spawn(
    "unshare",
    [...way, process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    {
      // Its stdin is ours to close: should we be killed, it notices.
      stdio: ["pipe", "inherit", "inherit"],
      env: { ...process.env, [INSIDE]: "1" },
      detached: true,
    },
  );
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, pass);
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** Lays the bridges and a cable to each home; to be called inside. */
export function layStreet(homes: readonly string[]): Street {
  run("mount", ["-t", "tmpfs", "tmpfs", "/run"]);
  ip("link set lo up");
  for (const street of STREETS) {
    ip(`link add ${street} type bridge`);
    ip(`link set ${street} up`);
  }
  homes.forEach((_, i) => {
    ip(`netns add home${i}`);
    ip(`link add cable${i} type veth peer name eth0 netns home${i}`);
    ip(`link set cable${i} master ${STREETS[0]} up`);
    ip(`-netns home${i} address add ${hostOf(i)}/24 dev eth0`);
    ip(`-netns home${i} link set eth0 up`);
    ip(`-netns home${i} link set lo up`);
  });
  const numberOf = (home: string): number => homes.indexOf(home);
  return {
    place: (home) => ({
      host: hostOf(numberOf(home)),
      // nsenter becomes the agent, so that its process id is the agent's.
      prefix: ["nsenter", `--net=/run/netns/home${numberOf(home)}`],
    }),
    pull: (home) => ip(`link set cable${numberOf(home)} down`),
    plug: (home) => ip(`link set cable${numberOf(home)} up`),
    move: (home, street) => ip(`link set cable${numberOf(home)} master ${STREETS[street]}`),
  };
}

function hostOf(number: number): string {
  return `10.77.0.${11 + number}`;
}

function ip(words: string): void {
  run("ip", words.split(" "));
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
}

function tryOut(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
