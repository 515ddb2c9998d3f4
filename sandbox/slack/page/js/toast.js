/** Short notices at the edge of the window. */

import { h, icon } from "./dom.js";

const STAYS = { bad: 9000, good: 2500 };

let shelf = null;

/** Show a sentence; what went wrong is read out at once and stays longer. */
export function toast(text, tone = "bad") {
  if (!shelf) {
    shelf = h("div.toasts", { "aria-live": "assertive" });
    document.body.append(shelf);
  }
  const close = h(
    "button.icon-button",
    { type: "button", "aria-label": "Dismiss", onclick: () => notice.remove() },
    icon("close", 16),
  );
  const notice = h(
    `div.toast.${tone}`,
    { role: tone === "bad" ? "alert" : "status" },
    icon(tone === "bad" ? "warning" : "check", 18),
    h("span", {}, text),
    close,
  );
  shelf.append(notice);
  while (shelf.children.length > 4) shelf.firstChild.remove();
  setTimeout(() => notice.remove(), STAYS[tone]);
}
