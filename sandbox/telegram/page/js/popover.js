/** Lists and cards that float beside what opened them. */

import { h, icon } from "./dom.js";

const GAP = 6;
const EDGE = 8;

let current = null;

/**
 * Show `content` beside something until something else is clicked, Escape is pressed or the result
 * is called. One floats at a time.
 *
 * @param {Element} anchor What it belongs to; the focus goes back there.
 * @param {Element} content What to show.
 * @param {{onclose?: Function, at?: {x: number, y: number}, side?: "start"|"end",
 *   prefersAbove?: boolean}} options `at` is where a pointer asked for it.
 */
export function popover(anchor, content, options = {}) {
  current?.();
  const box = h("div.popover", {}, content);
  document.body.append(box);
  const close = () => {
    if (current !== close) return;
    current = null;
    const hadFocus = box.contains(document.activeElement);
    box.remove();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    window.removeEventListener("resize", close);
    window.removeEventListener("blur", close);
    if (hadFocus) anchor.focus?.({ preventScroll: true });
    options.onclose?.();
  };
  const outside = (event) => {
    if (!box.contains(event.target) && !anchor.contains(event.target)) close();
  };
  const escape = (event) => {
    if (event.key !== "Escape" && event.key !== "Tab") return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  current = close;
  position(box, anchor, options);
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  window.addEventListener("resize", close);
  // A click into another frame is a click outside, too.
  window.addEventListener("blur", close);
  return close;
}

function position(box, anchor, { at, side = "start", prefersAbove = false }) {
  const from = at
    ? { left: at.x, right: at.x, top: at.y - GAP, bottom: at.y - GAP }
    : anchor.getBoundingClientRect();
  // Not the rectangle, which is smaller while the box unfolds.
  const size = { width: box.offsetWidth, height: box.offsetHeight };
  const below = innerHeight - from.bottom - GAP - EDGE;
  const above = from.top - GAP - EDGE;
  const isAbove = prefersAbove
    ? above > size.height || above > below
    : size.height > below && above > below;
  const room = Math.max(120, isAbove ? above : below);
  const height = Math.min(size.height, room);
  const left = side === "end" ? from.right - size.width : from.left;
  box.style.maxHeight = `${room}px`;
  box.style.left = `${Math.max(EDGE, Math.min(left, innerWidth - size.width - EDGE))}px`;
  box.style.top = `${isAbove ? from.top - GAP - height : from.bottom + GAP}px`;
  box.style.transformOrigin = `${side === "end" ? "right" : "left"} ${isAbove ? "bottom" : "top"}`;
}

/**
 * Show a menu of things to do.
 *
 * @param {Element} anchor
 * @param {string} label What screen readers call it.
 * @param {Array<{label: string, icon: string, onclick: Function, isDanger?: boolean}|false>}
 *   entries
 * @param {Object} options As for `popover`.
 */
export function menu(anchor, label, entries, options = {}) {
  const items = entries.filter(Boolean).map((entry) =>
    h(
      "button.item",
      {
        type: "button",
        role: "menuitem",
        tabIndex: -1,
        class: entry.isDanger ? "danger" : "",
        onclick: () => {
          close();
          entry.onclick();
        },
      },
      icon(entry.icon, 20),
      h("span", {}, entry.label),
    ),
  );
  const list = h("div.menu", { role: "menu", "aria-label": label }, items);
  const close = floating(anchor, list, items, options);
  return close;
}

/** Show a list whose items are walked with the arrow keys. */
export function floating(anchor, list, items, options = {}, first = items[0]) {
  list.addEventListener("keydown", (event) =>
    items[moved(event, items, items.indexOf(document.activeElement))]?.focus(),
  );
  const close = popover(anchor, list, options);
  first?.focus({ preventScroll: true });
  return close;
}

/**
 * Move through the options of a list with the arrow keys.
 *
 * @param {KeyboardEvent} event
 * @param {Array} items What can be chosen.
 * @param {number} index Which is active now, -1 for none.
 * @returns {number} Which is active then; the same if the key is not one of ours.
 */
export function moved(event, items, index) {
  const last = items.length - 1;
  const steps = {
    ArrowDown: index >= last ? 0 : index + 1,
    ArrowUp: index <= 0 ? last : index - 1,
    Home: 0,
    End: last,
  };
  if (!(event.key in steps) || last < 0) return index;
  event.preventDefault();
  return steps[event.key];
}
