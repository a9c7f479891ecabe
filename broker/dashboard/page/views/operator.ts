// Operator: what is done by hand, with one's own token, through a home's REST door; and in a community whose
// steps are taken by hand, the system's steps too. The ledger says what is allowed, this page only asks.

import { openRest, type RestAnswer, rowsOf } from "../feeds/rest.ts";
import { isObject, type JsonObject, textIn } from "../state/json.ts";
import { listingsInOrder } from "../state/listings.ts";
import type { Key } from "../text/translate.ts";
import { h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { card, empty } from "../ui/pieces.ts";

export function createOperatorView(page: Page): View {
  const { t, store } = page;
  const { state } = store;
  const listingIds = part(
    h("datalist", { id: "listingIds" }) as HTMLElement,
    () =>
      listingsInOrder(state)
        .map(({ id }) => id)
        .reverse()
        .slice(0, 20),
    (ids) => ids.map((id) => h("option", { value: id })),
  );
  const pvIds = part(
    h("datalist", { id: "pvIds" }) as HTMLElement,
    () => [...state.pvs.keys()],
    (ids) => ids.map((id) => h("option", { value: id })),
  );
  const memberIds = part(
    h("datalist", { id: "memberIds" }) as HTMLElement,
    () => [...state.members.keys()],
    (ids) => ids.map((id) => h("option", { value: id })),
  );
  const login = loginForm(page);
  const element = h(
    "div",
    { class: "grid" },
    card(
      t("access"),
      { wide: true },
      h("p", { class: "quiet" }, t("accessWords")),
      tokenForm(page),
      login.element,
    ),
    ...FORMS.map((form) =>
      card(t(form.title), {}, h("p", { class: "quiet" }, t(form.words)), actionForm(page, form)),
    ),
    listingIds.element,
    pvIds.element,
    memberIds.element,
  );
  const update = (): void => {
    for (const one of [listingIds, pvIds, memberIds, login]) one.update();
  };
  update();
  return { element, update };
}

type FieldOf = {
  readonly name: string;
  readonly label: Key;
  readonly kind: "text" | "number" | "email";
  readonly list?: string;
  readonly value?: string;
  readonly isOptional?: boolean;
};

type Form = {
  readonly title: Key;
  readonly words: Key;
  readonly fields: readonly FieldOf[];
  /** The type in the path, and its body. */
  readonly send: (values: { readonly [name: string]: string }) => readonly [string, object];
};

const LISTING: FieldOf = { name: "listingid", label: "listing", kind: "text", list: "listingIds" };

const FORMS: readonly Form[] = [
  {
    ...{ title: "makeOffer", words: "makeOfferWords" },
    fields: [
      LISTING,
      { name: "pv", label: "pv", kind: "text", list: "pvIds" },
      { name: "kWhavailable", label: "kWhForSale", kind: "number" },
      { name: "reservePrice", label: "leastPrice", kind: "number", value: "0" },
    ],
    send: ({ listingid, pv, kWhavailable, reservePrice }) => [
      "PVOffer",
      { listingid, pv, kWhavailable: Number(kWhavailable), reservePrice: Number(reservePrice) },
    ],
  },
  {
    ...{ title: "makeBid", words: "makeBidWords" },
    fields: [
      LISTING,
      { name: "member", label: "member", kind: "text", list: "memberIds" },
      { name: "kWhQuantity", label: "kWhWanted", kind: "number" },
      { name: "BidPrice", label: "bidPrice", kind: "number" },
    ],
    send: ({ listingid, member, kWhQuantity, BidPrice }) => [
      "BUYOffer",
      { listingid, member, kWhQuantity: Number(kWhQuantity), BidPrice: Number(BidPrice) },
    ],
  },
  {
    ...{ title: "registerMember", words: "registerMemberWords" },
    fields: [
      { name: "email", label: "email", kind: "email" },
      { name: "firstName", label: "firstName", kind: "text" },
      { name: "lastName", label: "lastName", kind: "text" },
      { name: "balance", label: "balance", kind: "number", value: "200" },
    ],
    send: ({ email, firstName, lastName, balance }) => [
      "Member",
      { email, firstName, lastName, balance: Number(balance) },
    ],
  },
  {
    ...{ title: "registerPv", words: "registerPvWords" },
    fields: [
      { name: "PVid", label: "pv", kind: "text" },
      { name: "owner", label: "owner", kind: "text", list: "memberIds" },
      { name: "capacityKw", label: "capacityKw", kind: "number", isOptional: true },
    ],
    send: ({ PVid, owner, capacityKw }) => [
      "PV",
      { PVid, owner, ...(capacityKw === "" ? {} : { capacityKw: Number(capacityKw) }) },
    ],
  },
  {
    ...{ title: "createListing", words: "stepWords" },
    fields: [{ ...LISTING, list: "" }],
    send: ({ listingid }) => [
      "kWhlisting",
      { listingid, state: "ACCEPT_OFFERS", pvoffers: [], buyoffers: [] },
    ],
  },
  {
    ...{ title: "acceptOffers", words: "stepWords" },
    fields: [LISTING],
    send: ({ listingid }) => ["AcceptOfferBroadcast", { listingid }],
  },
  {
    ...{ title: "closeBidding", words: "stepWords" },
    fields: [LISTING],
    send: ({ listingid }) => ["CloseBidding", { listingid }],
  },
];

let lastField = 0;

function field({ name, label, kind, list, value, isOptional }: FieldOf, { t }: Page): HTMLElement {
  lastField += 1;
  const id = `field${lastField}`;
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, t(label)),
    h("input", {
      ...{ id, name, type: kind, value: value ?? null, autocomplete: "off" },
      ...(list === undefined || list === "" ? {} : { list }),
      ...(kind === "number" ? { step: "any", min: "0", inputmode: "decimal" } : {}),
      required: isOptional !== true,
    }),
  );
}

function actionForm(page: Page, { fields, send }: Form): HTMLElement {
  const { t, access, history } = page;
  const said = h("p", { class: "answer", role: "status" });
  const button = h("button", { type: "submit", class: "primary" }, t("send"));
  const form = h(
    "form",
    {
      onsubmit: (event: Event) => {
        event.preventDefault();
        void submit();
      },
    },
    fields.map((one) => field(one, page)),
    h("div", { class: "actions" }, button, said),
  );
  const submit = async (): Promise<void> => {
    const token = access.token();
    const address = restOf(page);
    if (token === null || address === null) {
      say(said, t(token === null ? "firstToken" : "noRest"), "bad");
      return;
    }
    const values = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, String(value).trim()]),
    );
    const [type, body] = send(values);
    button.disabled = true;
    say(said, t("underWay"), "calm");
    const answer = await openRest(address, token, access.card()).post(type, body);
    button.disabled = false;
    say(said, answerSentence(page, answer), answer.ok ? "good" : "bad");
    if (answer.ok) history.again();
  };
  return form;
}

function answerSentence({ t }: Page, answer: RestAnswer): string {
  if (!answer.ok)
    return answer.status === 0 ? t("restOffline") : `${answer.status}: ${answer.message}`;
  const id = isObject(answer.value) ? textIn(answer.value, "transactionId") : null;
  return id === null ? t("done") : t("doneAs", { id: id.slice(0, 12) });
}

function say(element: HTMLElement, text: string, kind: "good" | "bad" | "calm"): void {
  element.className = `answer ${kind}`;
  element.textContent = text;
}

/** The door of the home that is looked at, else of any. */
export function restOf(page: Page): string | null {
  const known = page.home()?.rest ?? null;
  return known ?? page.config.homes.find(({ rest }) => rest !== null)?.rest ?? null;
}

function tokenForm(page: Page): HTMLElement {
  const { t, access } = page;
  const said = h("p", { class: "answer", role: "status" });
  const input = h("input", {
    id: "token",
    name: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
  });
  const cards = cardChoice(page, () => void who());
  const who = async (): Promise<void> => {
    const [token, address] = [access.token(), restOf(page)];
    if (token === null || address === null) {
      cards.show([]);
      say(said, t(token === null ? "noToken" : "noRest"), "calm");
      return;
    }
    const rest = openRest(address, token, access.card());
    const [answer, wallet] = await Promise.all([rest.get("system/ping"), rest.get("wallet")]);
    // Another token was given meanwhile.
    if (token !== access.token()) return;
    cards.show(rowsOf(wallet));
    if (!answer.ok) {
      say(
        said,
        answer.status === 0 ? t("restOffline") : `${answer.status}: ${answer.message}`,
        "bad",
      );
      return;
    }
    const participant = isObject(answer.value) ? (textIn(answer.value, "participant") ?? "") : "";
    say(said, t("youAre", { who: participant.slice(participant.indexOf("#") + 1) }), "good");
  };
  void who();
  return h(
    "form",
    {
      class: "inline",
      onsubmit: (event: Event) => {
        event.preventDefault();
        access.setToken(input.value.trim() === "" ? null : input.value.trim());
        input.value = "";
        void who();
      },
    },
    h("div", { class: "field" }, h("label", { for: "token" }, t("token")), input),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "submit", class: "primary" }, t("useToken")),
      said,
    ),
    cards.element,
  );
}

/** Which card acts, where a token has several: an operator's in a laboratory has everybody's. */
function cardChoice(
  { t, access }: Page,
  changed: () => void,
): { readonly element: HTMLElement; readonly show: (wallet: readonly JsonObject[]) => void } {
  const select = h("select", {
    id: "actingCard",
    onchange: () => {
      access.setCard(select.value);
      changed();
    },
  });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: "actingCard" }, t("actingCard")),
    select,
  );
  element.hidden = true;
  return {
    element,
    show: (wallet) => {
      const names = wallet.flatMap((one) => textIn(one, "name") ?? []);
      const main = wallet.find((one) => one["default"] === true);
      const acting = access.card() ?? (main === undefined ? null : textIn(main, "name"));
      element.hidden = names.length < 2;
      select.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
      if (acting !== null) select.value = acting;
    },
  };
}

function loginForm(page: Page): View {
  const { t, access, config, store } = page;
  if (config.mqttUrl === null) return { element: empty(t("noBroker")), update: () => {} };
  const said = h("p", { class: "answer", role: "status" });
  const user = h("input", { id: "mqttUser", name: "user", autocomplete: "username" });
  const password = h("input", {
    id: "mqttPassword",
    name: "password",
    type: "password",
    autocomplete: "current-password",
  });
  let told: string = "";
  let isWanted = false;
  const update = (): void => {
    const { live } = store.state;
    if (live === "refused" && !isWanted) {
      isWanted = true;
      element.open = true;
    }
    // Without a login only the page's heading speaks.
    const now = access.login() === null ? "" : live;
    if (now === told) return;
    told = now;
    if (now === "online") say(said, t("loginTaken"), "good");
    else if (now === "refused") say(said, t("loginRefused"), "bad");
    else say(said, now === "" ? "" : t("linkConnecting"), "calm");
  };
  const element = h(
    "details",
    {},
    h("summary", {}, t("brokerLogin")),
    h(
      "form",
      {
        class: "inline",
        onsubmit: (event: Event) => {
          event.preventDefault();
          access.setLogin(
            user.value === "" ? null : { username: user.value, password: password.value },
          );
          password.value = "";
        },
      },
      h("div", { class: "field" }, h("label", { for: "mqttUser" }, t("user")), user),
      h("div", { class: "field" }, h("label", { for: "mqttPassword" }, t("password")), password),
      h("div", { class: "actions" }, h("button", { type: "submit" }, t("connect"))),
    ),
    said,
  );
  return { element, update };
}
