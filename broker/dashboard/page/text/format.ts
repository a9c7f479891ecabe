// Numbers and times as people of a language write them; times in the community's zone.

export type Format = {
  /** 2.4 kWh */
  readonly kWh: (kWh: number) => string;
  /** 850 W, 3.21 kW */
  readonly power: (w: number) => string;
  /** 3 tokens, 202.7 tokens; the word by the caller. */
  readonly tokens: (tokens: number) => string;
  readonly number: (n: number, digits?: number) => string;
  /** 10:00 */
  readonly clock: (at: number) => string;
  /** 10:00:05 */
  readonly clockSeconds: (at: number) => string;
  /** 10:00–11:00 */
  readonly hour: (deliveryStart: number) => string;
  /** 21 Mar */
  readonly day: (at: number) => string;
  readonly dayAndClock: (at: number) => string;
  /** 4:05, 1:02:09 */
  readonly countdown: (ms: number) => string;
};

const HOUR = 3_600_000;

export function createFormat(language: string, timeZone: string): Format {
  const numbers = new Map<number, Intl.NumberFormat>();
  const number = (n: number, digits = 2): string => {
    if (!Number.isFinite(n)) return "–";
    const known = numbers.get(digits);
    const format = known ?? new Intl.NumberFormat(language, { maximumFractionDigits: digits });
    if (known === undefined) numbers.set(digits, format);
    // A minus that is as wide as a plus, and no -0.
    return format.format(Math.abs(n) < 10 ** -digits / 2 ? 0 : n).replace("-", "−");
  };
  const time = (options: Intl.DateTimeFormatOptions): ((at: number) => string) => {
    const format = new Intl.DateTimeFormat(language, { timeZone, ...options });
    return (at) => format.format(at);
  };
  const clock = time({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = time({ day: "numeric", month: "short" });
  return {
    kWh: (kWh) => `${number(kWh, 3)} kWh`,
    power: (w) => (Math.abs(w) < 1000 ? `${number(w, 0)} W` : `${number(w / 1000, 2)} kW`),
    tokens: (tokens) => number(tokens, 3),
    number,
    clock,
    clockSeconds: time({
      ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
    }),
    hour: (start) => `${clock(start)}–${clock(start + HOUR)}`,
    day,
    dayAndClock: (at) => `${day(at)}, ${clock(at)}`,
    countdown: (ms) => countdown(ms),
  };
}

function countdown(ms: number): string {
  const all = Math.max(0, Math.ceil(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
