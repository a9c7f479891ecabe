// PEM around DER (RFC 7468): one block, one label.

const LINE = 64;

export function toPem(label: string, der: Uint8Array): string {
  const base64 = Buffer.from(der).toString("base64");
  const lines: string[] = [];
  for (let i = 0; i < base64.length; i += LINE) lines.push(base64.slice(i, i + LINE));
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The DER of the only block in `text`, null if it is not one block of that label. */
export function fromPem(label: string, text: string): Uint8Array | null {
  const match = /^\s*-----BEGIN ([A-Z ]+)-----([A-Za-z0-9+/=\s]*)-----END ([A-Z ]+)-----\s*$/.exec(
    text,
  );
  if (match === null || match[1] !== label || match[3] !== label) return null;
  const base64 = (match[2] ?? "").replace(/\s/g, "");
  const der = Buffer.from(base64, "base64");
  return der.toString("base64") === base64 ? Uint8Array.from(der) : null;
}
