// `run`: one home's agent, wired to the real world, until it is told to stop.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Agent, createAgent } from "../agent.ts";
import { formatProblem, type HomeConfig, readConfig } from "../config.ts";
import { checkCertificate } from "../core/certificate.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import { Verifier } from "../core/crypto.ts";
import { parseReference } from "../core/ledger/blockReference.ts";
import { communityId, encodeRules, type Rules, type Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { CommunityId } from "../core/units/ids.ts";
import type { UnixMs } from "../core/units/time.ts";
import { openClock } from "../io/clock.ts";
import { createDevices, DEVICE_LIMITS, type DeviceLimits } from "../io/devices/createDevices.ts";
import { type Card, KeyError, readCard } from "../io/keys.ts";
import type { Metrics } from "../io/metrics.ts";
import type { Measured } from "../io/mqtt/payloads.ts";
import type { Mqtt } from "../io/mqtt.ts";
import { type OpenNetwork, openNetwork } from "../io/p2p/network.ts";
import { openSigningMark } from "../io/signingMark.ts";
import { openHistory } from "../io/store/history.ts";
import { openStoreOrSetAside } from "../io/store/setAside.ts";
import { StoreError } from "../io/store/storeError.ts";
import { marketClock, timelineLines } from "../lab/timeline.ts";
import { openLog } from "../log.ts";
import { jsonLine, type Plain, plain } from "../plain.ts";
import type { AgentEvent, Log, Publisher } from "../ports.ts";
import { answerOrder, giveInTurn, type OrderDoor, type OrderFromFile } from "./orderDoor.ts";
import { readOrderFile } from "./orderFile.ts";
import { type Answer, parseCommand, statusAnswer, submitAnswer } from "./protocol.ts";
import { readRestartFile } from "./restartFile.ts";
import type { RestDoor } from "./restDoor.ts";
import { agentVersion } from "./version.ts";

export type RunOptions = {
  readonly config: string;
  /** Lines of JSON on stdout and stdin, for programs. */
  readonly json: boolean;
  /** A file made by `restart make`. */
  readonly restart?: string;
  /** Files made by `ca order`. */
  readonly order?: readonly string[];
  /** HEIGHT:BLOCKID of a block to trust, instead of the one in the agent's file. */
  readonly trust?: string;
};

/** Exit code: 0 stopped as told, 1 could not go on, 2 wrong configuration. */
export async function run(options: RunOptions): Promise<number> {
  const { config: file, json, restart, order: orders = [], trust: named } = options;
  const config = readConfig(file);
  if (!config.ok) {
    for (const problem of config.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    return 2;
  }
  const trust = named === undefined ? config.value.trust : parseReference(named);
  if (named !== undefined && trust === null) {
    process.stderr.write(
      `--trust ${named}: HEIGHT:BLOCKID, as a neighbour's \`verify\` tells it\n`,
    );
    return 2;
  }
  const form = json || !process.stderr.isTTY ? "json" : "text";
  const log = openLog({ level: config.value.logLevel, form, home: null });
  try {
    return await runHome({ ...config.value, trust }, { log, json, restart, orders });
  } catch (error) {
    // Bugs keep their stack; what a person can mend is one sentence.
    if (
      !(error instanceof StoreError || error instanceof KeyError || error instanceof StartError)
    ) {
      throw error;
    }
    log.error("cannot go on", { code: error.code, problem: error.message });
    return 1;
  }
}

type StartErrorCode =
  /** The file given as --restart is none of this community: the operator gives the right one. */
  | "wrongRestart"
  /** A file given as --order is none of this community: the operator gives the right one. */
  | "wrongOrder"
  /** A card is another community's, or another one than its file names: the operator gives the right one. */
  | "wrongCard"
  /** The addresses to listen on are taken or not this machine's: the operator changes them. */
  | "cannotListen";

class StartError extends Error {
  readonly code: StartErrorCode;
  readonly isRetryable = false;
  constructor(code: StartErrorCode, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.code = code;
  }
}

type Surroundings = {
  readonly log: Log;
  readonly json: boolean;
  readonly restart: string | undefined;
  readonly orders: readonly string[];
};

async function runHome(config: HomeConfig, surroundings: Surroundings): Promise<number> {
  const { log, json, restart: restartFile } = surroundings;
  const { rules } = config;
  const card = readCard(config.card);
  const administrator =
    config.administratorCard === null ? null : readCard(config.administratorCard);
  const id = communityId(rules);
  const verifier = new Verifier();
  const ending = Promise.withResolvers<number>();
  await using closers = new AsyncDisposableStack();
  const clock = openClock(config.clock, log);
  closers.defer(() => clock.close());
  // Before the data directory is taken in the card's name.
  checkCard(card, { rules, verifier, at: clock.now(), log });
  checkSeats(rules, { card, administrator });
  const restart = restartFile === undefined ? null : readRestart(restartFile, id);
  const orders = surroundings.orders.map((file) => readGivenOrder(file, id));
  const owner = { communityId: id, memberId: card.memberId, rules: encodeRules(rules) };
  const { memberId } = card;
  const hasSeat = rules.validators.some((seat) => seat.memberId === memberId);
  const mark = openSigningMark({ card: config.card, memberId, communityId: id, hasSeat, log });
  const { store, keptAs } = openStoreOrSetAside(config.data, { ...owner, log });
  closers.defer(() => store.close());
  const history = openHistory(config.data);
  closers.defer(() => history.close());
  const devices = createDevices(config.devices, { log, limits: deviceLimits(config) });
  closers.defer(() => devices.close());
  const { network, close, addresses, setValidators, roundTripsMs } = await listen(config, {
    card,
    communityId: id,
    log,
  });
  closers.defer(close);
  const said = publisherOf(config, { json, ending });
  let votersKnown: LedgerState["validators"] = [];
  /** Who votes on the next block but one is known already: time to find each other. */
  const followVoters = (): void => {
    const { validators, nextValidators } = agent.ledger();
    if (nextValidators === votersKnown) return;
    votersKnown = nextValidators;
    setValidators([...validators, ...nextValidators]);
  };
  let rest: RestDoor | null = null;
  let mqtt: Mqtt | null = null;
  let metrics: Metrics | null = null;
  const publisher: Publisher = {
    publish: (event) => {
      said.publish(event);
      rest?.publisher.publish(event);
      mqtt?.publisher.publish(event);
      metrics?.publisher.publish(event);
      if (event.type === "block") followVoters();
    },
  };
  const agent = createAgent(
    {
      ...{ rules, member: config.member, pv: config.pv, limits: config.trading },
      registersItself: config.registersItself,
      ...{ pollInterval: config.pollInterval, administrator, restart, trust: config.trust },
      ...(config.rest?.sharedCards ? { sharing: config.rest.sharedCards } : {}),
    },
    {
      ...{ clock, network, store, signer: card, mark, publisher, log, history },
      devices: devices.devices,
    },
    verifier,
  );
  closers.defer(listenToSignals(ending));
  closers.defer(listenToFailures(ending));
  const door: OrderDoor = { community: id, order: agent.order, heightOf: store.heightOf };
  if (json) closers.defer(listenToStdin({ agent, door, ending }));
  followVoters();
  rest = await openDoor(config, { agent, log });
  closers.defer(async () => rest?.close());
  const isClockSynchronised = () => clock.isSynchronised();
  const told = {
    ...{ agent, log, isClockSynchronised },
    measured: { clockOffsetMs: clock.offsetMs, roundTripsMs },
  };
  const restAddress = () => rest?.address ?? null;
  mqtt = await openBroker(config, { ...told, rest: restAddress });
  closers.defer(async () => mqtt?.close());
  const isMqttConnected = () => mqtt?.isConnected() ?? null;
  metrics = await openFigures(config, { ...told, isMqttConnected });
  closers.defer(async () => metrics?.close());
  if (keptAs !== null) publisher.publish({ type: "ledgerSetAside", keptAs });
  agent.start();
  closers.defer(() => agent.stop());
  giveInTurn(door, orders, log);
  const facts = { member: card.memberId, community: id, addresses: addresses() };
  const doors = { rest: rest?.address ?? null, metrics: metrics?.address ?? null };
  log.info("home started", { ...facts, ...doors });
  const code = await ending.promise;
  log.info("home stopping", { code });
  return code;
}

type CardCheck = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  readonly at: UnixMs;
  readonly log: Log;
};

/** Neighbours would turn away a card of another CA; better to say so here, once. */
function checkCard(card: Card, { rules: { caPublicKey }, verifier, at, log }: CardCheck): void {
  const checked = checkCertificate(card.certificate, { caPublicKey, verifier, at });
  if (checked.ok) return;
  const { refusal } = checked;
  // The clock may be wrong until NTP sets it.
  if (refusal.code === "notYetValid" || refusal.code === "expired") {
    log.warn("card not valid now", { ...refusal });
    return;
  }
  const facts = JSON.stringify(refusal);
  throw new StartError("wrongCard", `This card is none of this community's: ${facts}`);
}

type Cards = { readonly card: Card; readonly administrator: Card | null };

/** A seat is a key: with another one nobody would hear the card, and nobody would say why. */
function checkSeats({ validators, administrator }: Rules, cards: Cards): void {
  const { memberId } = cards.card;
  const seat = validators.find((validator) => validator.memberId === memberId);
  if (seat !== undefined && !isSeatOf(cards.card, seat)) {
    const sentence = `The community's file knows the validator ${memberId} by another key`;
    throw new StartError("wrongCard", `${sentence} than this card's. One of them is out of date.`);
  }
  const own = cards.administrator;
  if (own === null || administrator === null || isSeatOf(own, administrator)) return;
  const named = `${administrator.memberId} by the key in the community's file`;
  throw new StartError("wrongCard", `administratorCard is of ${own.memberId}, not of ${named}.`);
}

function isSeatOf({ memberId, publicKey }: Card, seat: Validator): boolean {
  return seat.memberId === memberId && sameBytes(seat.publicKey, publicKey);
}

/** Whether it fits the ledger is for the agent to say, which goes on without it if not. */
function readRestart(file: string, community: CommunityId): Uint8Array {
  const read = readRestartFile(textOf(file, "wrongRestart"), community);
  if (read.ok) return read.value;
  throw new StartError("wrongRestart", `${file} is no restart: ${read.refusal.problem}.`);
}

/** Its signature, and whether it fits, is for the agent to say, likewise. */
function readGivenOrder(file: string, community: CommunityId): OrderFromFile {
  const read = readOrderFile(textOf(file, "wrongOrder"), community);
  if (read.ok) return { file, given: read.value };
  throw new StartError("wrongOrder", `${file} is no order: ${read.refusal.problem}.`);
}

function textOf(file: string, code: StartErrorCode): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(code, `Cannot read ${file}: ${String(error)}`, error);
  }
}

type Doors = { readonly agent: Agent; readonly log: Log };

/** Before the agent starts, so that a port that is taken stops nothing that has begun. null: it has none. */
async function openDoor(config: HomeConfig, { agent, log }: Doors): Promise<RestDoor | null> {
  const { rest } = config;
  if (rest === null) return null;
  // Its libraries cost memory that a home without the door need not have.
  const { openRestDoor } = await import("./restDoor.ts");
  try {
    return await openRestDoor(rest, { door: agent.door, cards: ownCards(config), log });
  } catch (error) {
    throw cannotListen("REST", rest, error);
  }
}

/** Folders of the cards that this home keeps. */
function ownCards({ card, administratorCard }: HomeConfig): readonly string[] {
  return administratorCard === null ? [card] : [card, administratorCard];
}

type Place = { readonly host: string; readonly port: number };

/** What the system says of a port that is taken, as a sentence; anything else as it is. */
function cannotListen(what: string, { host, port }: Place, error: unknown): unknown {
  const why = /\bE[A-Z]{3,}\b/.exec(String(error))?.[0] ?? null;
  if (error instanceof KeyError || why === null) return error;
  const sentence = `Cannot listen for ${what} on ${host} port ${port}: ${why}`;
  return new StartError("cannotListen", sentence, error);
}

type Told = Doors & {
  readonly isClockSynchronised: () => boolean;
  readonly measured: Measured;
};

/** As `openDoor`. */
async function openBroker(
  config: HomeConfig,
  { agent, ...parts }: Told & { readonly rest: () => string | null },
): Promise<Mqtt | null> {
  if (config.mqtt === null) return null;
  const { openMqttDoor } = await import("./mqttDoor.ts");
  return openMqttDoor(config.mqtt, config, {
    ...{ ...parts, door: agent.door },
    cards: ownCards(config),
  });
}

/** As `openDoor`. */
async function openFigures(
  { metrics }: HomeConfig,
  { agent, ...parts }: Told & { readonly isMqttConnected: () => boolean | null },
): Promise<Metrics | null> {
  if (metrics === null) return null;
  const { openMetrics } = await import("../io/metrics.ts");
  try {
    return await openMetrics({
      ...{ ...metrics, ...parts },
      ...{ door: agent.door, version: agentVersion() },
    });
  } catch (error) {
    throw cannotListen("metrics", metrics, error);
  }
}

type Listening = { readonly card: Card; readonly communityId: CommunityId; readonly log: Log };

async function listen({ network, rules }: HomeConfig, listening: Listening): Promise<OpenNetwork> {
  const { card, ...rest } = listening;
  try {
    return await openNetwork({
      ...network,
      ...{ seed: card.libp2pSeed(), certificate: card.certificate, validators: rules.validators },
      ...rest,
    });
  } catch (error) {
    // libp2p puts whole stacks into its message; what the system said is in it, too.
    const why = /\bE[A-Z]{3,}\b/.exec(String(error))?.[0] ?? String(error);
    const sentence = `Cannot listen on ${network.listen.join(", ")}: ${why}`;
    throw new StartError("cannotListen", sentence, error);
  }
}

/** In a laboratory devices rest in market time, for their hours are minutes. */
function deviceLimits({ clock }: HomeConfig): DeviceLimits {
  const speed = clock.simulation?.speed ?? 1;
  const { http, modbus } = DEVICE_LIMITS;
  const rest = (ms: number) => Math.ceil(ms / speed);
  return {
    http: { ...http, gapMs: rest(http.gapMs) },
    modbus: { ...modbus, gapMs: rest(modbus.gapMs), backOffMs: rest(modbus.backOffMs) },
  };
}

type Ending = PromiseWithResolvers<number>;

/** JSON lines for programs, a timeline for people. */
function publisherOf(
  { rules }: HomeConfig,
  { json, ending }: { readonly json: boolean; readonly ending: Ending },
): Publisher {
  let blockTime = 0;
  const say = (event: AgentEvent): void => {
    if (event.type === "block") blockTime = event.time;
    if (event.type !== "ledger") return;
    for (const line of timelineLines(plain(event.event) as Plain<typeof event.event>)) {
      process.stdout.write(`${marketClock(blockTime, rules.timeZone)}  ${line}\n`);
    }
  };
  return {
    publish: (event) => {
      if (json) process.stdout.write(jsonLine(event));
      else say(event);
      // The agent has stopped itself and said why; a supervisor or a person is next.
      if (event.type === "halted") ending.resolve(1);
    },
  };
}

/** Whoever read our output is gone: so are we. Returns what ends the listening. */
function listenToSignals(ending: Ending): () => void {
  const stop = (): void => ending.resolve(0);
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  process.stdout.on("error", stop);
  return () => {
    process.off("SIGTERM", stop);
    process.off("SIGINT", stop);
  };
}

/**
 * A disk that fails does so in the middle of anything; the agent has stopped itself and said why. A bug is
 * thrown on, with its stack. Returns what ends the listening.
 */
function listenToFailures(ending: Ending): () => void {
  const failed = (error: unknown): void => {
    if (!(error instanceof StoreError || error instanceof KeyError)) throw error;
    ending.resolve(1);
  };
  process.on("uncaughtException", failed);
  return () => {
    process.off("uncaughtException", failed);
  };
}

type Obeying = { readonly agent: Agent; readonly door: OrderDoor };

/** Commands, one a line. A closed stdin means that our parent is gone: no orphan stays. */
function listenToStdin({ ending, ...home }: Obeying & { readonly ending: Ending }): () => void {
  const answer = (value: Answer): void => {
    process.stdout.write(jsonLine(value));
  };
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    if (line.trim() !== "") obey(home, line, answer);
  });
  lines.on("close", () => ending.resolve(0));
  return () => {
    lines.close();
    process.stdin.destroy();
  };
}

function obey({ agent, door }: Obeying, line: string, answer: (value: Answer) => void): void {
  const command = parseCommand(line);
  if (!command.ok) {
    answer({ type: "answer", id: command.id, ok: false, refusal: command.refusal });
    return;
  }
  const { value } = command;
  if ("status" in value) {
    const { stateRoot } = agent.head();
    answer(statusAnswer(value.id, { state: agent.ledger(), stateRoot, door: agent.door }));
  } else if ("order" in value) {
    answerOrder(door, value, answer);
  } else {
    agent.submit(value.submit, (outcome) => answer(submitAnswer(value.id, outcome)), value.as);
  }
}
