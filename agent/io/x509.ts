// Loads the library that writes certificates, only where one is written: it is large, and an agent that
// only reads certificates (core/certificate.ts) never needs it.

type Library = typeof import("@peculiar/x509");

type Reflection = {
  getMetadata?: (key: string, target: object) => unknown;
  getOwnMetadata?: (key: string, target: object) => unknown;
};

/**
 * Its container insists on the proposed metadata calls of `Reflect`, and asks them for constructor
 * parameters, of which the library's classes have none: "nothing known" is the whole answer.
 */
export async function loadX509(): Promise<Library> {
  const reflection: typeof Reflect & Reflection = Reflect;
  reflection.getMetadata ??= () => undefined;
  reflection.getOwnMetadata ??= () => undefined;
  return await import("@peculiar/x509");
}
