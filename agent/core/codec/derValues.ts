// Two values of certificates that are more than bytes: object identifiers and times.

import { type UnixMs, unixMs } from "../units/time.ts";
import { DER, DerError, type DerReader } from "./der.ts";

/** More than any identifier in a certificate of ours. */
const OID_BYTES_MAX = 16;

/** Dotted text of an object identifier, each arc in its shortest form. */
export function readOid(reader: DerReader): string {
  const at = reader.offset;
  const content = reader.content(DER.oid, "object identifier");
  if (content.length === 0 || content.length > OID_BYTES_MAX) {
    throw new DerError("object identifier of no usual length", at);
  }
  const arcs: number[] = [];
  let arc = 0;
  let isInside = false;
  for (const byte of content) {
    if (!isInside && byte === 0x80) throw new DerError("object identifier not in short form", at);
    arc = arc * 0x80 + (byte & 0x7f);
    isInside = byte >= 0x80;
    if (arc > 0xffff_ffff) throw new DerError("object identifier with a huge arc", at);
    if (isInside) continue;
    arcs.push(arc);
    arc = 0;
  }
  if (isInside) throw new DerError("object identifier cut off", at);
  const [head = 0, ...tail] = arcs;
  const root = Math.min(Math.floor(head / 40), 2);
  return [root, head - root * 40, ...tail].join(".");
}

/** UTCTime YYMMDDHHMMSSZ (years 1950 to 2049) or GeneralizedTime YYYYMMDDHHMMSSZ, RFC 5280 4.1.2.5. */
export function readTime(reader: DerReader): UnixMs {
  const at = reader.offset;
  const isShort = reader.peek() === DER.utcTime;
  const tag = isShort ? DER.utcTime : DER.generalizedTime;
  const text = String.fromCharCode(...reader.content(tag, "a time").subarray(0, 16));
  const century = isShort ? (text < "50" ? "20" : "19") : "";
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text);
  if (match === null) throw new DerError("not a time in UTC to the second", at);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1)
    .map(Number);
  const isReal = isDay(year, month, day) && hour < 24 && minute < 60 && second < 60;
  if (!isReal || year < 1970) throw new DerError("no such time since 1970", at);
  const hours = daysSince1970(year, month, day) * 24 + hour;
  return unixMs(((hours * 60 + minute) * 60 + second) * 1000);
}

function isDay(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const shortMonth = month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return day <= (month === 2 ? (isLeap ? 29 : 28) : shortMonth);
}

/** Days of the Gregorian calendar, counted in years that begin in March, so that the leap day is last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const monthsSinceMarch = (month + 9) % 12;
  const dayOfYear = Math.floor((153 * monthsSinceMarch + 2) / 5) + day - 1;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  // 0000-03-01 is 719468 days before 1970-01-01.
  return y * 365 + leapDays + dayOfYear - 719_468;
}
