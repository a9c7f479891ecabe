// yamux, but for a few things: a stream that is opened while its connection goes down says hello a microtask later,
// and finds the connection closed. yamux throws there, where nobody can catch it, and a home's agent would end
// because a neighbour hung up at that moment. What is sent on a connection that is over is lost, no more: its
// streams end with it, and whoever opened one hears of that.
//
// And it says less: its own ping is off, for it asks busy connections as well and does nothing about the dead (see
// keepAlive.ts), its streams do not answer each frame with one of their own (see window.ts), and what is said at one
// time is sent as one piece (see cork.ts).

import { type StreamMuxerFactory, StreamStateError } from "@libp2p/interface";
import { type YamuxMuxerInit, yamux } from "@libp2p/yamux";
import { cork } from "./cork.ts";
import type { KeepAlive } from "./keepAlive.ts";
import { tellWindowRarely } from "./window.ts";

type YamuxMuxer = ReturnType<ReturnType<ReturnType<typeof yamux>>["createStreamMuxer"]>;

/** The muxer's factory for createLibp2p; whether its connections live is watched by `keepAlive`. */
export function steadyYamux(
  options: YamuxMuxerInit,
  keepAlive: Pick<KeepAlive, "watch">,
): () => StreamMuxerFactory {
  const create = yamux({ ...options, enableKeepAlive: false });
  return () => {
    const factory = create();
    return {
      protocol: factory.protocol,
      createStreamMuxer: (connection) => {
        const muxer = cork(quiet(steady(factory.createStreamMuxer(connection))));
        keepAlive.watch(muxer, connection);
        return muxer;
      },
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

function quiet(muxer: YamuxMuxer): YamuxMuxer {
  const onCreateStream = muxer.onCreateStream.bind(muxer);
  const onRemoteStream = muxer.onRemoteStream.bind(muxer);
  muxer.onCreateStream = (...options) => tellWindowRarely(onCreateStream(...options));
  muxer.onRemoteStream = (stream) => onRemoteStream(tellWindowRarely(stream));
  return muxer;
}
