/** What is shown of somebody who types. */

import { h } from "./dom.js";

/** Return moving dots and words. */
export function typing(who = "") {
  const dots = h("i.dots", { "aria-hidden": "true" }, h("b"), h("b"), h("b"));
  return [dots, `${who}typing…`];
}
