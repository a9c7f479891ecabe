// Commands by MQTT: what `set/offer`, `set/bid` and `set/cancel` ask for goes the way of a REST request, with the
// same tokens, the same card, the same table of who may do what, and the same errors.
//
// A broker shows a message to whoever may read its topic, and keeps it if told so: so nothing that was retained
// is obeyed, no answer repeats a token, and answers go below this home's `response/` only.

import {
  type Command,
  type CommandResponse,
  type HomeTopics,
  isName,
  parseTopic,
} from "../../../broker/topics.ts";
import { isObject, own } from "../../core/composer/context.ts";
import { tooMany } from "../../core/composer/errors.ts";
import type { TypeName } from "../../core/composer/names.ts";
import { OWNER_OF_PV } from "../../core/composer/quirks.ts";
import type { Authentication } from "../http/principal.ts";
import { createRateLimit } from "../http/rateLimit.ts";
import { prepare, putOnLedger } from "../http/registryWrite.ts";
import { actorAs, permittedToken, type RestContext } from "../http/restContext.ts";
import { errorAnswer, INTERNAL, RestError, restError } from "../http/restError.ts";
import type { Received } from "./link.ts";

const COMMAND_BYTES_MAX = 16_384;
/** Commands that wait for the ledger. */
const PENDING_MAX = 32;
const TOKEN_LENGTH_MAX = 1024;
/** Whoever sends the same nonsense again and again is told of this often, and fills no memory card. */
const TELL_EVERY_MS = 60_000;
/** Whoever has no token counts as one, for MQTT does not say who it is. */
const STRANGERS = "mqtt";

export type CommandDependencies = {
  readonly context: RestContext;
  readonly topics: HomeTopics;
  readonly answer: (topic: string, payload: string) => void;
  /** Monotonic, ms. */
  readonly monotonic: () => number;
};

/** A function that obeys a message, if it is a command of this home. */
export function createCommands(dependencies: CommandDependencies): (message: Received) => void {
  const { context, topics, answer, monotonic } = dependencies;
  const rate = createRateLimit(context.limits);
  let pending = 0;

  /** Only who may wait does: what is refused at once takes nobody's place. */
  const waitForLedger: typeof putOnLedger = async (...what) => {
    if (pending >= PENDING_MAX) throw restError(503, "Too many commands wait for the ledger");
    pending += 1;
    try {
      return await putOnLedger(...what);
    } finally {
      pending -= 1;
    }
  };

  const recogniseAndDo = async (command: Command, asked: Asked): Promise<string | null> => {
    const authentication = authenticated(context, asked.body);
    const isKnown = authentication.status === "valid";
    const mayAsk = isKnown
      ? rate.takeToken(authentication.record.id, monotonic())
      : rate.takeStranger(STRANGERS, monotonic());
    if (!mayAsk) throw new RestError(tooMany(1));
    const card = own(asked.body, "card");
    const named = typeof card === "string" && card !== "" ? card : undefined;
    const actor = actorAs(context, permittedToken(authentication, "trade"), named);
    const { type, body } = wantedOf(command, asked.body, actor.memberId);
    const prepared = prepare(context, { actor, type, operation: "create", body });
    return await waitForLedger(context, actor, prepared);
  };

  const obey = async (command: Command, payload: Buffer): Promise<void> => {
    const asked = read(payload);
    const to = responseTopic(topics, command, asked);
    const { id } = asked;
    const said: CommandResponse = await recogniseAndDo(command, asked).then(
      (transactionId) => ({ ok: true, id, transactionId }),
      (thrown: unknown) => ({ ok: false, id, error: errorOf(context, thrown) }),
    );
    answer(to, JSON.stringify(said));
  };

  let toldAt: number | null = null;
  const warn = (message: string, topic: string): void => {
    const now = monotonic();
    if (toldAt !== null && now - toldAt < TELL_EVERY_MS) return;
    toldAt = now;
    context.log.warn(message, { topic });
  };

  return ({ topic, payload, isRetained }) => {
    const parsed = parseTopic(topic);
    if (parsed?.kind !== "set" || topic !== topics.set(parsed.command)) return;
    if (isRetained) warn("a retained command is not obeyed: delete it at the broker", topic);
    else if (payload.length > COMMAND_BYTES_MAX) warn("a command is too long", topic);
    else void obey(parsed.command, payload);
  };
}

type Body = { readonly [name: string]: unknown };
type Asked = { readonly id: string | null; readonly body: Body };

/** What is no JSON object has no token either, and is refused for that. */
function read(payload: Buffer): Asked {
  const body = parsed(payload);
  if (!isObject(body)) return { id: null, body: {} };
  const id = own(body, "id");
  return { id: typeof id === "string" && isName(id) ? id : null, body };
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8")) as unknown;
  } catch {
    // As said: it is answered as a body without a token.
    return null;
  }
}

/** Where the caller wants it, if that is a place for answers of this home; by its id; or by the command. */
function responseTopic(topics: HomeTopics, command: Command, { id, body }: Asked): string {
  const wanted = own(body, "responseTopic");
  if (typeof wanted === "string") {
    const parsed = parseTopic(wanted);
    if (parsed?.kind === "response" && wanted === topics.response(parsed.id)) return wanted;
  }
  return topics.response(id ?? command);
}

function authenticated({ tokens, now }: RestContext, body: Body): Authentication {
  const token = own(body, "token");
  if (typeof token !== "string" || token.length > TOKEN_LENGTH_MAX) return { status: "none" };
  const found = tokens.find(token, now());
  if (found.status === "valid") return { ...found, token };
  return { status: found.status === "expired" ? "expired" : "none" };
}

/** As REST would have it; who cancels offers or bids 0 kWh. */
function wantedOf(
  command: Command,
  body: Body,
  memberId: string,
): { readonly type: TypeName; readonly body: Body } {
  const listingid = own(body, "listingid");
  const pv = own(body, "pv");
  const ofPv = pv === undefined ? { [OWNER_OF_PV]: memberId } : { pv };
  const what = command === "cancel" ? own(body, "what") : command;
  if (what !== "offer" && what !== "bid") throw restError(422, 'what: must be "offer" or "bid"');
  const isCancel = command === "cancel";
  if (what === "offer") {
    const [kWhavailable, reservePrice] = isCancel
      ? [0, 0]
      : [own(body, "kWhavailable"), own(body, "reservePrice")];
    return { type: "PVOffer", body: { listingid, kWhavailable, reservePrice, ...ofPv } };
  }
  const [kWhQuantity, BidPrice] = isCancel
    ? [0, 0]
    : [own(body, "kWhQuantity"), own(body, "BidPrice")];
  return { type: "BUYOffer", body: { listingid, kWhQuantity, BidPrice, member: memberId } };
}

function errorOf(
  { log }: RestContext,
  thrown: unknown,
): Extract<CommandResponse, { ok: false }>["error"] {
  const known = errorAnswer(thrown);
  if (known === null) {
    log.error("a command failed, and it was not the client's fault", { what: String(thrown) });
  }
  const { statusCode, name, message, code } = known ?? INTERNAL;
  return { statusCode, name, message, ...(code === undefined ? {} : { code }) };
}
