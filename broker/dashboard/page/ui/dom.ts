// Elements in one line. Text is always text: nothing that somebody else wrote becomes markup.

export type Child = Node | string | number | null | undefined | false | readonly Child[];

export type Attributes = {
  readonly [name: string]: string | number | boolean | null | undefined | ((event: Event) => void);
};

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

/** `onclick` listens, `true` is an attribute without a value, null and false are none. */
function dress(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    // The page's policy forbids styles in markup; this way it is none.
    else if (name === "style") (element as HTMLElement).style.cssText = String(value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(element, child);
    else element.append(child instanceof Node ? child : String(child));
  }
}

/**
 * A place on the page that is drawn again when what it shows has changed, and only then: the reader's focus,
 * selection and place in it stay.
 */
export type Part = { readonly element: HTMLElement; readonly update: () => void };

export function part<T>(element: HTMLElement, select: () => T, draw: (value: T) => Child): Part {
  let drawn: string | null = null;
  const update = (): void => {
    const value = select();
    const key = JSON.stringify(value);
    if (key === drawn) return;
    drawn = key;
    const children = document.createDocumentFragment();
    appendTo(children, draw(value));
    const focused = focusedIn(element);
    element.replaceChildren(children);
    if (focused !== null)
      element.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
  };
  return { element, update };
}

/** How to find again what the reader's keyboard is on: by its id, or by where it leads. null: it is elsewhere. */
function focusedIn(element: HTMLElement): string | null {
  const active = document.activeElement;
  if (active === null || active === element || !element.contains(active)) return null;
  if (active.id !== "") return `#${CSS.escape(active.id)}`;
  const href = active.getAttribute("href");
  return href === null ? null : `[href="${CSS.escape(href)}"]`;
}

function appendTo(fragment: DocumentFragment, child: Child): void {
  const holder = document.createElement("div");
  append(holder, [child]);
  fragment.append(...holder.childNodes);
}
