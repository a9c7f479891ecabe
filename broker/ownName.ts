// By which names a page can be asked for that nobody but this network gives. Who owns a name on the internet can
// point it at a machine in here once a browser has their page, and then that page is of the same host as ours.

import { isIP } from "node:net";

/** Names that no name server of the internet answers for: RFC 6762, 6761, 8375, and those of home routers. */
const OWN = /^(?:[^.]+|.+\.(?:local|localhost|home\.arpa|internal|lan|home))$/;

/** Of a URL, so in lower case and with brackets round an IPv6 address. */
export function isOwnName(hostname: string): boolean {
  return isIP(hostname.replace(/^\[|\]$/g, "")) !== 0 || OWN.test(hostname);
}
