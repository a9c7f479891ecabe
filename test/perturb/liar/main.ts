// One home that lies: the agent as `run` wires it, with lies between it and the world. For perturbation tests
// only. Speaks `run --json`'s lines as far as the laboratory needs them; {"lie": NAME} on stdin turns to the
// next lie, and each second it prints {"type":"lied"} with how often it has done what.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createAgent } from "../../../agent/agent.ts";
import { readConfig } from "../../../agent/config.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { openClock } from "../../../agent/io/clock.ts";
import { readCard } from "../../../agent/io/keys.ts";
import { openNetwork } from "../../../agent/io/p2p/network.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { openLog } from "../../../agent/log.ts";
import { jsonLine } from "../../../agent/plain.ts";
import { createLies, type Lies } from "./lies.ts";
import { nonsense } from "./wire.ts";

const TELL_EVERY_MS = 1000;
const LIE_EVERY_MS = 500;

const { values } = parseArgs({
  options: { config: { type: "string" }, json: { type: "boolean" } },
});
await lie(values.config ?? "");

async function lie(file: string): Promise<void> {
  const config = readConfig(file);
  if (!config.ok) throw new Error(JSON.stringify(config.problems));
  const { rules, member, pv, trading, pollInterval } = config.value;
  const log = openLog({ level: "warn", form: "json", home: null });
  const card = readCard(config.value.card);
  const id = communityId(rules);
  const verifier = new Verifier();
  const clock = openClock(config.value.clock, log);
  const owner = { communityId: id, memberId: card.memberId, rules: encodeRules(rules) };
  const store = openStore(config.value.data, { ...owner, log });
  const seed = card.libp2pSeed();
  const { certificate } = card;
  const open = await openNetwork({
    ...config.value.network,
    ...{ seed, certificate, communityId: id, validators: rules.validators, log },
  });
  const { network } = open;
  const lies = createLies({ rules, card, seed, network, verifier, ledger: () => agent.ledger() });
  const publish = (event: object): void => void process.stdout.write(jsonLine(event));
  const agent = createAgent(
    { rules, member, pv, limits: trading, pollInterval, administrator: null },
    {
      ...{ clock, store, log, devices: [], publisher: { publish } },
      ...{ network: lies.network, signer: lies.signer },
    },
    verifier,
  );
  agent.start();
  const telling = setInterval(() => tell(lies), TELL_EVERY_MS);
  const targets = config.value.network.bootstrap.map((address) => ({
    ...{ address, community8: id.slice(0, 8) },
  }));
  let lying: NodeJS.Timeout | null = null;
  const turnTo = (name: string): void => {
    if (lying !== null) clearInterval(lying);
    lying = null;
    if (name === "replay" || name === "flood" || name === "garbage") {
      lying = setInterval(lies[name], LIE_EVERY_MS);
    }
    // The agent's own connections end first: one key, one connection.
    if (name === "wire") void open.close().then(() => attack(lies, targets, { seed, certificate }));
  };
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => turnTo((JSON.parse(line) as { lie?: string }).lie ?? ""));
  const end = Promise.withResolvers<void>();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => end.resolve());
  lines.on("close", () => end.resolve());
  await end.promise;
  clearInterval(telling);
  turnTo("");
  agent.stop();
  store.close();
  process.exit(0);
}

type Card = { readonly seed: Uint8Array; readonly certificate: Uint8Array };

async function attack(
  lies: Lies,
  targets: readonly Parameters<typeof nonsense>[0][],
  { seed, certificate }: Card,
): Promise<void> {
  for (const target of targets) lies.count("wire", await nonsense(target, seed, certificate));
}

function tell({ counts }: Lies): void {
  process.stdout.write(jsonLine({ type: "lied", lies: counts }));
}
