// What is answered where there is no route: Composer said apart a type that it does not have and a method
// that the type does not have.

import type { ComposerContext, ComposerError } from "../../core/composer/context.ts";
import { noMethod, noSharedMethod } from "../../core/composer/errors.ts";
import { className, typeOf } from "../../core/composer/names.ts";

/** So much of a path is repeated to whoever asked for it. */
const SHOWN_MAX = 256;

/** `url` as in the request's first line; its query, in which a token may stand, is not repeated. */
export function noSuchRoute(composer: ComposerContext, method: string, url: string): ComposerError {
  const [path = ""] = url.split("?", 1);
  if (!path.startsWith("/api/")) return noMethod(method, shown(path));
  const inApi = path.slice("/api".length);
  const [, name = "", ...others] = inApi.split("/");
  const type = typeOf(composer, name);
  // The paper's other spelling is taken in a `$class`; a path by it there never was.
  if (type === null || name !== className(composer, type)) return noMethod(method, shown(inApi));
  return noSharedMethod(composer, { type, method, path: shown(`/${others.join("/")}`) });
}

function shown(path: string): string {
  return path.slice(0, SHOWN_MAX);
}
