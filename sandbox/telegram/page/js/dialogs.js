/** Boxes over the dimmed chats, and pictures shown large. */

import { h, iconButton, icon, newId } from "./dom.js";

let layer = null;
let covered = null;
const shown = [];

/** Say where dialogs are put, and what they cover. The phone and the switcher stay in reach. */
export function useLayer(element, background) {
  layer = element;
  covered = background;
}

/**
 * Show a box over the chats.
 *
 * @param {Element} box Its `role` is set by the caller.
 * @param {{onleave?: Function, isDark?: boolean}} options `onleave` is called when Escape or a
 *   click beside the box closed it.
 * @returns {Function} takes it away and gives the focus back.
 */
export function overlay(box, { onleave, isDark = false } = {}) {
  const before = document.activeElement;
  const leave = () => {
    close();
    onleave?.();
  };
  const veil = h(
    `div.veil${isDark ? ".dark" : ""}`,
    {
      onclick: (event) => event.target === veil && leave(),
      onkeydown: (event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.stopPropagation();
        leave();
      },
    },
    box,
  );
  const close = () => {
    const index = shown.indexOf(veil);
    if (index < 0) return;
    shown.splice(index, 1);
    veil.remove();
    settle();
    if (before?.isConnected && !before.closest("[inert]")) before.focus({ preventScroll: true });
  };
  layer.append(veil);
  shown.push(veil);
  settle();
  return close;
}

/** Close everything: somebody else looks now. */
export function closeAll() {
  while (shown.length) shown.pop().remove();
  settle();
}

/** Only the topmost box can be used. */
function settle() {
  covered.inert = shown.length > 0;
  shown.forEach((veil, index) => {
    veil.inert = index < shown.length - 1;
  });
}

/** Show what a bot says in a box that has to be dismissed. */
export function alertBox(title, text) {
  return answered(title, h("p.text", {}, text), [{ label: "OK", value: true }]);
}

/** Ask something; resolves to whether the answer was yes. */
export function ask(title, text, yes, { isDanger = false } = {}) {
  return answered(title, h("p.text", {}, text), [
    { label: "Cancel", value: false },
    { label: yes, value: true, isDanger },
  ]);
}

/** Ask before an address outside is opened; the answer yes is a link, so no browser blocks it. */
export function askToOpen(title, url) {
  const body = [h("p.text", {}, "Open this page?"), h("p.address", {}, url.split("#")[0])];
  return answered(title, body, [
    { label: "Cancel", value: false },
    { label: "Open", value: true, href: url },
  ]);
}

function answered(title, body, answers) {
  return new Promise((resolve) => {
    const titleId = newId("title");
    const textId = newId("text");
    const answer = (value) => {
      close();
      resolve(value);
    };
    const buttons = answers.map(({ label, value, isDanger, href }) =>
      h(
        `${href ? "a" : "button"}.flat-button${isDanger ? ".danger" : ""}`,
        {
          ...(href ? { href, target: "_blank", rel: "noopener noreferrer" } : { type: "button" }),
          onclick: () => answer(value),
        },
        label,
      ),
    );
    const box = h(
      "div.dialog",
      { role: "alertdialog", "aria-labelledby": titleId, "aria-describedby": textId },
      h("h2", { id: titleId }, title),
      h("div", { id: textId }, body),
      h("footer", {}, buttons),
    );
    const close = overlay(box, { onleave: () => resolve(false) });
    buttons.at(-1).focus();
  });
}

/** Show a picture large. */
export function showPicture(url, { name, sender, when }) {
  const close = () => leave();
  const button = iconButton("close", "Close", close, { size: 24 });
  const box = h(
    "div.viewer",
    { role: "dialog", "aria-label": name },
    h(
      "header",
      {},
      h("p", {}, h("strong", {}, sender), h("span", {}, when)),
      h(
        "a.icon-button",
        { href: url, download: name, "aria-label": "Download", title: "Download" },
        icon("download", 22),
      ),
      button,
    ),
    h("div.stage", { onclick: close }, h("img", { src: url, alt: name })),
  );
  const leave = overlay(box, { isDark: true });
  button.focus();
}
