// npm run perturb [-- --validators 4|7] [--only NAME,NAME] [--json] [--local] [--quick]: real agents, real sockets, and
// what real life does to them. Exit code: 0 all well, 1 something failed, 2 wrong options, 130 interrupted.
//
// A row for each perturbation; with --json a line of JSON for each instead. --local: everyone on 127.0.0.1, in
// no network of their own; then nobody's cable can be pulled, and what needs that is not run, and says so.
// --quick: shorter waits, for a run beside other tests.

import { parseArgs } from "node:util";
import { Stopped, stopOnSignals } from "../../agent/lab/stopOnSignals.ts";
import { type Calm, Neighbourhood } from "./neighbourhood.ts";
import { PERTURBATIONS, type Perturbation } from "./perturbations.ts";
import { enterStreet, isInStreet, layStreet } from "./street.ts";

const SIZES = [4, 7];
const QUICK_PACE = 0.4;

type Options = {
  readonly validators: number;
  readonly chosen: readonly Perturbation[];
  readonly json: boolean;
  readonly local: boolean;
  readonly quick: boolean;
};

type Row = {
  readonly perturbation: string;
  readonly validators: number;
  readonly ok: boolean;
  readonly blocksBefore: number;
  readonly blocksAfter: number;
  /** Homes whose state was compared, and how many different states they had. */
  readonly homes: number;
  readonly stateRoots: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly seconds: number;
  readonly detail: string;
};

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    process.stderr.write(`${options}\n`);
    return 2;
  }
  if (!options.local && !isInStreet()) {
    const code = await enterStreet();
    if (code !== null) return code;
  }
  const network = isInStreet()
    ? "each home in a network namespace of its own"
    : `127.0.0.1${options.local ? "" : ": this system makes no network namespaces"}`;
  const say = printer(options);
  say.text(`${options.validators} validators, ${network}\n`);
  return await perturb(options, say);
}

function readOptions(): Options | string {
  const { values } = parseArgs({
    options: {
      validators: { type: "string", default: "4" },
      only: { type: "string" },
      json: { type: "boolean", default: false },
      local: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
    },
  });
  const validators = Number(values.validators);
  if (!SIZES.includes(validators)) return `--validators ${values.validators}: 4 or 7`;
  const wanted = values.only?.split(",") ?? PERTURBATIONS.map(({ name }) => name);
  const names = PERTURBATIONS.map(({ name }) => name);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) return `--only ${unknown.join(",")}: there are ${names.join(", ")}`;
  const chosen = PERTURBATIONS.filter(({ name }) => wanted.includes(name));
  return { validators, chosen, json: values.json, local: values.local, quick: values.quick };
}

async function perturb({ validators, chosen, quick }: Options, say: Printer): Promise<number> {
  const lay = isInStreet() ? layStreet : null;
  const n = await Neighbourhood.make({ validators, lay, pace: quick ? QUICK_PACE : 1 });
  const release = stopWhenTold(n);
  let isFine = true;
  let code = 0;
  try {
    await n.open();
    for (const perturbation of chosen) {
      if (perturbation.needsStreet && n.street === null) {
        say.text(`${perturbation.name}: not run, for it pulls cables and there are none\n`);
        continue;
      }
      const row = await runOne(n, perturbation);
      say.row(row);
      isFine &&= row.ok;
      if (!row.ok) break;
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof Stopped)) process.stderr.write(`${error.stack}\n`);
    code = error instanceof Stopped ? 130 : 1;
  } finally {
    const isKept = !isFine || code === 1;
    const dir = await n.close({ isKept });
    if (isKept) process.stderr.write(`logs are kept in ${dir}\n`);
    release();
  }
  return isFine ? code : 1;
}

async function runOne(n: Neighbourhood, perturbation: Perturbation): Promise<Row> {
  const started = performance.now();
  const blocksBefore = n.height();
  let detail = "";
  let calm: Calm | null = null;
  try {
    detail = await perturbation.run(n);
    calm = await n.calm();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof Stopped) throw error;
    detail = `FAILED: ${error.message}`;
  }
  for (const loss of calm?.lost.slice(0, 3) ?? []) detail += `; lost: ${loss}`;
  return {
    perturbation: perturbation.name,
    validators: n.validators.length,
    ok: calm !== null && calm.stateRoots.size === 1 && calm.lost.length === 0,
    blocksBefore,
    blocksAfter: calm?.height ?? n.height(),
    homes: calm?.homes ?? 0,
    stateRoots: calm?.stateRoots.size ?? 0,
    acknowledged: calm?.acknowledged ?? n.traders.acknowledged.size,
    lost: calm?.lost.length ?? 0,
    seconds: Number(((performance.now() - started) / 1000).toFixed(1)),
    detail: `${perturbation.what(n.validators.length)}: ${detail}`,
  };
}

type Printer = { readonly text: (text: string) => void; readonly row: (row: Row) => void };

function printer({ json }: Options): Printer {
  const out = (text: string): void => void process.stdout.write(text);
  if (json) {
    return {
      text: (text) => void process.stderr.write(text),
      row: (row) => out(`${JSON.stringify(row)}\n`),
    };
  }
  const line = (...cells: readonly (string | number)[]): string =>
    cells
      .map((cell, i) => String(cell)[i === 0 ? "padEnd" : "padStart"](i === 0 ? 12 : 9))
      .join("");
  let isHeadPrinted = false;
  return {
    text: out,
    row: (row) => {
      const head = line("", "before", "after", "homes", "states", "acked", "lost", "s");
      if (!isHeadPrinted) out(`${head}\n`);
      isHeadPrinted = true;
      const { blocksBefore, blocksAfter, homes, stateRoots, acknowledged, lost, seconds } = row;
      const numbers = [blocksBefore, blocksAfter, homes, stateRoots, acknowledged, lost, seconds];
      out(`${line(row.perturbation, ...numbers)}  ${row.ok ? "ok" : "FAILED"}  ${row.detail}\n`);
    },
  };
}

/** Signals, and in a street our parent's end: every wait rejects, and then every process is stopped. */
function stopWhenTold({ lab }: Neighbourhood): () => void {
  const release = stopOnSignals(lab);
  const orphaned = (): void => lab.fail(new Stopped());
  if (isInStreet()) process.stdin.on("close", orphaned).resume();
  return () => {
    release();
    process.stdin.off("close", orphaned).destroy();
  };
}
