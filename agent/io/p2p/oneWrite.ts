// noise, but for one thing: it hands a packet down as its length and its body, and TCP writes each piece on its own:
// two system calls here, two TCP segments on the wire, and often two reads over there, for each vote. Here a packet
// is one piece.

import type { MessageStream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";

/** The encrypter's factory for createLibp2p. */
export function noiseInOneWrite(): ReturnType<typeof noise> {
  const create = noise();
  return (components) => {
    const encrypter = create(components);
    const secureOutbound = encrypter.secureOutbound.bind(encrypter);
    const secureInbound = encrypter.secureInbound.bind(encrypter);
    encrypter.secureOutbound = (connection, options) =>
      secureOutbound(sendWhole(connection), options);
    encrypter.secureInbound = (connection, options) =>
      secureInbound(sendWhole(connection), options);
    return encrypter;
  };
}

/** Makes the connection send a list of pieces as one; returns it. */
export function sendWhole<C extends Pick<MessageStream, "send">>(connection: C): C {
  const send = connection.send.bind(connection);
  connection.send = (data) => send(data.subarray());
  return connection;
}
