// What a browser keeps for the reader: the language, the light, the home, and while the tab is open what the reader
// was given. A browser that keeps nothing for any page throws at each word of it; the page works all the same.

export function kept(key: string): string | null {
  return read(() => localStorage, key);
}

/** null: forgets it. */
export function keep(key: string, value: string | null): void {
  write(() => localStorage, key, value);
}

export function keptInTab(key: string): string | null {
  return read(() => sessionStorage, key);
}

/** null: forgets it. */
export function keepInTab(key: string, value: string | null): void {
  write(() => sessionStorage, key, value);
}

function read(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    // SecurityError: storage is switched off.
    return null;
  }
}

function write(storage: () => Storage, key: string, value: string | null): void {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // As above, or there is no room.
  }
}
