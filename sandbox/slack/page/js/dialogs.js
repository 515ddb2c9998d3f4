/** Boxes over the dimmed workspace: the frame of modals, and questions that want a yes or no. */

import { h, newId, safeUrl, icon } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { textObject } from "./mrkdwn.js";

let layer = null;
let covered = null;
const shown = [];

/** Say where dialogs are put, and what they cover. The phone and the switcher stay in reach. */
export function useLayer(element, background) {
  layer = element;
  covered = background;
}

/**
 * Show a box over the workspace.
 *
 * @param {Element} box Its `role` is set by the caller.
 * @param {{onescape: Function}} options
 * @returns {Function} takes it away and gives the focus back.
 */
export function overlay(box, { onescape }) {
  const before = document.activeElement;
  const veil = h(
    "div.veil",
    {
      onkeydown: (event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.stopPropagation();
        onescape();
      },
    },
    box,
  );
  layer.append(veil);
  shown.push(veil);
  settle();
  return () => {
    const index = shown.indexOf(veil);
    if (index < 0) return;
    shown.splice(index, 1);
    veil.remove();
    settle();
    if (before?.isConnected && !before.closest("[inert]")) before.focus({ preventScroll: true });
  };
}

/** Only the topmost box can be used. */
function settle() {
  covered.inert = shown.length > 0;
  shown.forEach((veil, index) => {
    veil.inert = index < shown.length - 1;
  });
}

/** Ask what a confirm object asks; resolves to whether the answer was yes. */
export function ask(confirm, session) {
  return new Promise((resolve) => {
    const titleId = newId("title");
    const textId = newId("text");
    const answer = (isYes) => {
      close();
      resolve(isYes);
    };
    const yes = h(
      `button.button.${confirm.style === "danger" ? "danger" : "primary"}`,
      { type: "button", onclick: () => answer(true) },
      withEmoji(confirm.confirm?.text ?? "Yes"),
    );
    const no = h(
      "button.button",
      { type: "button", onclick: () => answer(false) },
      withEmoji(confirm.deny?.text ?? "No"),
    );
    const box = h(
      "div.dialog.question",
      { role: "alertdialog", "aria-labelledby": titleId, "aria-describedby": textId },
      h("h2", { id: titleId }, withEmoji(confirm.title.text)),
      h("div.text", { id: textId }, textObject(confirm.text, session)),
      h("footer", {}, no, yes),
    );
    const close = overlay(box, { onescape: () => answer(false) });
    yes.focus();
  });
}

/** Show a picture large. */
export function showPicture(url, name) {
  const box = h(
    "div.dialog.picture",
    { role: "dialog", "aria-label": name },
    h(
      "header",
      {},
      h("h2", {}, name),
      h(
        "a.icon-button",
        { href: safeUrl(url), download: name, "aria-label": "Download" },
        icon("download", 18),
      ),
      h(
        "button.icon-button",
        { type: "button", "aria-label": "Close", onclick: () => close() },
        icon("close", 18),
      ),
    ),
    h("img", { src: safeUrl(url), alt: name }),
  );
  const close = overlay(box, { onescape: () => close() });
  box.querySelector("button").focus();
}
