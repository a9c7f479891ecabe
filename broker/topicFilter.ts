// MQTT's topics and filters (3.1.1, section 4.7): what matches what.

/** A topic or a filter, level by level. */
export type Levels = readonly string[];

export function levelsOf(text: string): Levels {
  return text.split("/");
}

/** Something that may be published to: not empty, no wildcard, no NUL. */
export function isTopic(text: string): boolean {
  return text.length > 0 && !/[+#\0]/.test(text);
}

/** Something that may be subscribed to: wildcards fill whole levels, `#` the last. */
export function isFilter(text: string): boolean {
  if (text.length === 0 || text.includes("\0")) return false;
  const levels = levelsOf(text);
  return levels.every((level, i) => {
    if (level === "#") return i === levels.length - 1;
    return level === "+" || !/[+#]/.test(level);
  });
}

/** A wildcard on the first level does not match topics that begin with `$`. */
export function matches(filter: Levels, topic: Levels): boolean {
  if (isDollar(topic) && startsWild(filter)) return false;
  for (const [i, level] of filter.entries()) {
    if (level === "#") return true;
    if (i >= topic.length || (level !== "+" && level !== topic[i])) return false;
  }
  return filter.length === topic.length;
}

/** Some topic matches both filters. */
export function meet(a: Levels, b: Levels): boolean {
  if ((isDollar(a) && startsWild(b)) || (isDollar(b) && startsWild(a))) return false;
  for (let i = 0; ; i += 1) {
    const [x, y] = [a[i], b[i]];
    if (x === "#" || y === "#") return true;
    if (x === undefined || y === undefined) return x === y;
    if (x !== y && x !== "+" && y !== "+") return false;
  }
}

/** Every topic that matches `narrow` matches `wide`. */
export function covers(wide: Levels, narrow: Levels): boolean {
  if (startsWild(wide) && isDollar(narrow)) return false;
  for (let i = 0; ; i += 1) {
    const [w, n] = [wide[i], narrow[i]];
    if (w === "#") return true;
    if (w === undefined || n === undefined) return w === n;
    if (n === "#" || (w !== "+" && w !== n)) return false;
  }
}

function startsWild(filter: Levels): boolean {
  return filter[0] === "+" || filter[0] === "#";
}

function isDollar(levels: Levels): boolean {
  return levels[0]?.startsWith("$") === true;
}
