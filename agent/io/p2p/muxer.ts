// yamux, but for one thing: a stream that is opened while its connection goes down says hello a microtask later,
// and finds the connection closed. yamux throws there, where nobody can catch it, and a home's agent would end
// because a neighbour hung up at that moment. What is sent on a connection that is over is lost, no more: its
// streams end with it, and whoever opened one hears of that.

import { type StreamMuxerFactory, StreamStateError } from "@libp2p/interface";
import { type YamuxMuxerInit, yamux } from "@libp2p/yamux";

type YamuxMuxer = ReturnType<ReturnType<ReturnType<typeof yamux>>["createStreamMuxer"]>;

/** The muxer's factory for createLibp2p. */
export function steadyYamux(options: YamuxMuxerInit): () => StreamMuxerFactory {
  const create = yamux(options);
  return () => {
    const factory = create();
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection) => steady(factory.createStreamMuxer(connection)),
    };
  };
}

function steady(muxer: YamuxMuxer): YamuxMuxer {
  const send = muxer.send.bind(muxer);
  muxer.send = (data) => {
    try {
      return send(data);
    } catch (error) {
      if (error instanceof StreamStateError) return false;
      throw error;
    }
  };
  return muxer;
}
