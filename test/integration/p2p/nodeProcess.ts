// One node in a process of its own, for tests that kill and freeze it.
// Arguments: member id, seed in hex, port, bootstrap address or "". Prints its address.

import { hexToBytes } from "../../../agent/core/codec/hex.ts";
import { openNetwork } from "../../../agent/io/p2p/network.ts";
import { privateKeyOf } from "../../../agent/io/p2p/node.ts";
import { admitAll, COMMUNITY, certificateOf } from "./support.ts";

const [id = "", seedHex = "", port = "0", bootstrap = ""] = process.argv.slice(2);
const nothing = (): void => undefined;
const seed = hexToBytes(seedHex);
const { publicKey } = await privateKeyOf(seed);
const open = await openNetwork({
  listen: [`/ip4/127.0.0.1/tcp/${port}`],
  bootstrap: bootstrap === "" ? [] : [bootstrap],
  mdns: false,
  seed,
  certificate: certificateOf(id, publicKey.raw),
  communityId: COMMUNITY,
  validators: [],
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
});
open.network.start({
  received: () => "accept",
  requested: () => Buffer.from("!"),
  joined: nothing,
  left: nothing,
  admit: admitAll(),
});
process.stdout.write(`${open.addresses()[0]}\n`);
