/** Short notices over the chat: what a bot answers to a press, and what went wrong. */

import { h, icon } from "./dom.js";

const SHORTEST = 2_500;
const PER_CHARACTER = 45;

let shelf = null;
let timer = 0;

/** Say over what notices float. */
export function useShelf(element) {
  shelf = h("div.toasts", { "aria-live": "polite" });
  element.append(shelf);
}

/** Show a sentence in the place of the one before; what went wrong is read out at once. */
export function toast(text, { isBad = false } = {}) {
  const notice = h(
    `div.toast${isBad ? ".bad" : ""}`,
    { role: isBad ? "alert" : "status", onclick: () => notice.remove() },
    isBad && icon("warning", 20),
    h("span", {}, text),
  );
  clearTimeout(timer);
  shelf.replaceChildren(notice);
  timer = setTimeout(() => notice.remove(), SHORTEST + text.length * PER_CHARACTER);
}

/** Take away what is shown. */
export function hush() {
  clearTimeout(timer);
  shelf.replaceChildren();
}
