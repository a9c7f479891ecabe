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
 * A place on the page that is drawn again when what it shows has changed, and only then: the reader's focus and
 * place in it stay. What cannot be drawn stays as it was; the rest of the page goes on.
 */
export type Part = { readonly element: HTMLElement; readonly update: () => void };

export function part<T>(element: HTMLElement, select: () => T, draw: (value: T) => Child): Part {
  let drawn: string | null = null;
  const update = (): void => {
    try {
      const value = select();
      const key = JSON.stringify(value);
      if (key === drawn) return;
      drawn = key;
      const children = document.createDocumentFragment();
      appendTo(children, draw(value));
      keepingPlace(element, () => element.replaceChildren(children));
    } catch (error) {
      // For whoever mends it: a bug of ours, whatever a home said.
      reportError(error);
    }
  };
  return { element, update };
}

function appendTo(fragment: DocumentFragment, child: Child): void {
  const holder = document.createElement("div");
  append(holder, [child]);
  fragment.append(...holder.childNodes);
}

/** What `redraw` draws anew in `element` has the focus, and is scrolled, where it was. */
export function keepingPlace(element: HTMLElement, redraw: () => void): void {
  const { activeElement } = document;
  const isInside =
    activeElement !== null && activeElement !== element && element.contains(activeElement);
  const way = isInside ? wayTo(element, activeElement) : null;
  const named = isInside ? nameOf(activeElement) : null;
  const scrolled = [...element.querySelectorAll(".tableScroll")].map(
    ({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop] as const,
  );
  redraw();
  for (const [i, box] of [...element.querySelectorAll(".tableScroll")].entries()) {
    const [left, top] = scrolled[i] ?? [0, 0];
    if (left + top > 0) box.scrollTo(left, top);
  }
  if (way === null) return;
  const found =
    (named === null ? null : element.querySelector(named)) ??
    way.reduce<Element | null>((at, i) => at?.children[i] ?? null, element);
  if (found instanceof HTMLElement) found.focus({ preventScroll: true });
}

/** How it is found again among others: by its id, its key, or where it leads. null: only by its place. */
function nameOf(element: Element): string | null {
  for (const attribute of ["id", "data-key", "href"]) {
    const value = element.getAttribute(attribute);
    if (value !== null && value !== "") return `[${attribute}="${CSS.escape(value)}"]`;
  }
  return null;
}

/** Which child of which child. */
function wayTo(from: Element, to: Element): readonly number[] {
  const way: number[] = [];
  for (let at = to; at !== from && at.parentElement !== null; at = at.parentElement) {
    way.unshift([...at.parentElement.children].indexOf(at));
  }
  return way;
}
