// A filter in brackets, as LoopBack's clients and browsers write it: filter[where][balance][gt]=100&filter[limit]=2

/** As many parameters, and brackets in one, as any filter needs. */
const PARAMETERS_MAX = 256;
const BRACKETS_MAX = 16;

const BRACKETED = /^filter((?:\[[^[\]]{0,128}\])+)$/;
const INDEX = /^(?:0|[1-9]\d{0,2})?$/;

type Tree = Map<string, Tree | readonly unknown[]>;

/** The object that the parameters spell, {} if there are none; null: too many or too deep. Values stay texts. */
export function bracketForm(query: {
  readonly [name: string]: unknown;
}): { readonly [name: string]: unknown } | null {
  const root: Tree = new Map();
  const names = Object.keys(query).filter((name) => name.startsWith("filter["));
  if (names.length > PARAMETERS_MAX) return null;
  for (const name of names) {
    const brackets = BRACKETED.exec(name)?.[1];
    if (brackets === undefined) continue;
    const parts = brackets.slice(1, -1).split("][");
    if (parts.length > BRACKETS_MAX) return null;
    const value = query[name];
    put(root, parts, Array.isArray(value) ? value : [value]);
  }
  return Object.fromEntries([...root].map(([name, tree]) => [name, plain(tree)]));
}

/** Whoever says both x and x[y] is taken at the last word. */
function put(tree: Tree, parts: readonly string[], values: readonly unknown[]): void {
  const [first = "", ...rest] = parts;
  if (rest.length === 0) {
    tree.set(first, values);
    return;
  }
  const known = tree.get(first);
  const inner: Tree = known instanceof Map ? known : new Map();
  tree.set(first, inner);
  put(inner, rest, values);
}

/** Keys that are all numbers, or none at all as in x[]=1, make a list. */
function plain(tree: Tree | readonly unknown[]): unknown {
  if (!(tree instanceof Map)) return tree.length === 1 ? tree[0] : tree;
  const names = [...tree.keys()];
  if (!names.every((name) => INDEX.test(name))) {
    return Object.fromEntries([...tree].map(([name, inner]) => [name, plain(inner)]));
  }
  const inOrder = [...tree].sort(([a], [b]) => Number(a) - Number(b));
  return inOrder.flatMap(([name, inner]) =>
    name === "" && !(inner instanceof Map) ? inner : [plain(inner)],
  );
}
